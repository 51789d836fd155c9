import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { CopyKey, ReplyOf, RequestOf, Task } from '../../common/protocol/messages.ts'
import { type Server, startServer } from '../../common/protocol/server.ts'
import type { Address, Transport } from '../../common/protocol/transport.ts'
import { silentLog } from '../../common/testing/silent-log.ts'

type Announcement = RequestOf<'announce'>
type IndexHandlers = Handlers<'peer' | 'client', 'index', undefined>

/** What an index has on its disk about the one peer of a test. */
interface Memory {
  epoch: string
  seenSeq: number
  inventory: number
  isInventoryEnded: boolean
  readonly copies: Map<string, { readonly sha256: string; readonly inventory: number }>
}

function emptyMemory(): Memory {
  return { epoch: '', seenSeq: 0, inventory: 0, isInventoryEnded: false, copies: new Map() }
}

export function copyLabel({ kind, owner = '', name }: CopyKey): string {
  return `${kind} ${owner} ${name}`
}

/** An index of one peer that keeps to the protocol, remembers what it was sent, and does what a test tells it. */
export class FakeIndex implements AsyncDisposable {
  readonly address: Address = { host: '127.0.0.1', port: 7_000 }
  readonly announcements: Announcement[] = []
  readonly hellos: RequestOf<'hello'>[] = []
  /** Names that the peer said to have unshared. */
  readonly unshared = new Set<string>()
  heartbeats = 0
  /** How often it asks for them. */
  heartbeatMs = 1_000
  leaves = 0
  /** Whether the last one was for good. */
  isLeftForGood = false
  /** What the next hellos are refused with. */
  refusal: AppError | undefined
  /** What announcements are refused with. */
  announceRefusal: AppError | undefined
  /** Called before each announcement is taken; what it throws refuses it. */
  onAnnounce: () => void = () => {}
  /** Whether requests are left without an answer. */
  isSilent = false
  readonly #dependencies: { transport: Transport; clock: Clock }
  #memory = emptyMemory()
  #server: Server | undefined
  #connection: Connection | undefined

  constructor(dependencies: { transport: Transport; clock: Clock }) {
    this.#dependencies = dependencies
  }

  async start(): Promise<void> {
    this.#server = await startServer<'index', undefined>(
      { role: 'index', address: this.address, connectionsMax: 10 },
      {
        ...this.#dependencies,
        log: silentLog,
        // The others are answered with UNKNOWN_TYPE.
        handlers: this.#handlers() as IndexHandlers,
        welcome: async (hello, connection) => ({
          reply: this.#welcome(hello, connection),
          session: undefined,
        }),
      },
    )
  }

  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]()
    this.#server = undefined
  }

  /** Its disk is lost. */
  forget(): void {
    this.#memory = emptyMemory()
  }

  /** As an index that lost its last transactions in a power cut. */
  forgetFrom(seenSeq: number): void {
    this.#memory.seenSeq = seenSeq
  }

  /** Cuts the peer's connection. */
  disconnect(): void {
    this.#connection?.destroy()
  }

  /** What it knows: one line for each copy. */
  copies(): string[] {
    return Array.from(this.#memory.copies, ([label, { sha256 }]) => `${label} ${sha256}`).toSorted()
  }

  async handOut(tasks: Task[]): Promise<ReplyOf<'tasks'>> {
    if (this.#connection === undefined) throw new Error('no peer is connected')
    return await this.#connection.request('tasks', { tasks })
  }

  async readIntent(page: RequestOf<'read-intent'>): Promise<ReplyOf<'read-intent'>> {
    if (this.#connection === undefined) throw new Error('no peer is connected')
    return await this.#connection.request('read-intent', page)
  }

  #handlers(): Pick<IndexHandlers, 'announce' | 'heartbeat' | 'leave'> {
    return {
      announce: async (announcement) => await this.#answer(this.#take(announcement)),
      heartbeat: async () => {
        this.heartbeats++
        return {}
      },
      leave: async ({ forGood = false }) => {
        this.leaves++
        this.isLeftForGood = forGood
        return await this.#answer({})
      },
    }
  }

  async #answer<T>(reply: T): Promise<T> {
    return this.isSilent ? await new Promise<never>(() => {}) : reply
  }

  #welcome(
    hello: RequestOf<'hello'>,
    connection: Connection,
  ): Pick<ReplyOf<'hello'>, 'registered'> {
    this.hellos.push(hello)
    if (this.refusal !== undefined) throw this.refusal
    this.#connection = connection
    const memory = this.#memory
    const { seenSeq, isInventoryEnded } = memory
    const { epoch = '', continues } = hello.registration ?? {}
    if (memory.epoch === continues?.epoch && seenSeq <= continues.lastSeq) memory.epoch = epoch
    const isKnown = memory.epoch === epoch && isInventoryEnded
    return { registered: { seenSeq: isKnown ? seenSeq : 0, heartbeatMs: this.heartbeatMs } }
  }

  #take(announcement: Announcement): ReplyOf<'announce'> {
    this.announcements.push(announcement)
    if (this.announceRefusal !== undefined) throw this.announceRefusal
    this.onAnnounce()
    const { begin, end, epoch, previousSeq, lastSeq, changes } = announcement
    const memory = this.#memory
    if (begin === true) {
      memory.epoch = epoch
      memory.inventory++
      memory.isInventoryEnded = false
    } else if (memory.epoch !== epoch || memory.seenSeq !== previousSeq)
      throw new AppError('SEQUENCE_GAP', { expected: memory.seenSeq, got: previousSeq })
    for (const change of changes) {
      if (change.op === 'unshare') {
        this.unshared.add(change.name)
        continue
      }
      if (change.op === 'remove') {
        memory.copies.delete(copyLabel({ kind: 'shared', name: change.name }))
        continue
      }
      const label = copyLabel(change)
      if (change.op === 'drop') memory.copies.delete(label)
      else memory.copies.set(label, { sha256: change.sha256, inventory: memory.inventory })
    }
    if (end === true) this.#sweep()
    memory.seenSeq = lastSeq
    return { seenSeq: lastSeq }
  }

  #sweep(): void {
    const { copies, inventory } = this.#memory
    for (const [label, copy] of copies) if (copy.inventory < inventory) copies.delete(label)
    this.#memory.isInventoryEnded = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
