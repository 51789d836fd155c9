/** Many peers in this process: each registers, announces files that it claims to have, and beats. */
import { systemClock } from '../../../common/clock.ts'
import { AppError, hasCode } from '../../../common/errors.ts'
import { inParallel } from '../../../common/in-parallel.ts'
import { deadlines, limits } from '../../../common/limits.ts'
import { type Connected, connect } from '../../../common/protocol/client.ts'
import type { Handlers } from '../../../common/protocol/handlers.ts'
import { noMesh } from '../../../common/protocol/no-mesh.ts'
import { type Server, startServer } from '../../../common/protocol/server.ts'
import { tcpTransport } from '../../../common/protocol/tcp-transport.ts'
import type { Address, Transport } from '../../../common/protocol/transport.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { type Put, peerIdOf } from './names.ts'

const freeBytes = 10 ** 12
/** All peers announce together, and each waits for the others. */
const deadlineMs = 600_000
const dialsAtOnce = 64
const redialMs = 100

export class Crowd implements AsyncDisposable {
  readonly #index: Address
  readonly #members: Member[] = []
  readonly #stop = new AbortController()
  #beating = Promise.resolve()

  private constructor(index: Address) {
    this.#index = index
  }

  /** Registers `count` peers at the index. */
  static async join(index: Address, count: number): Promise<Crowd> {
    await using starting = new AsyncDisposableStack()
    const crowd = starting.use(new Crowd(index))
    for (let number = 0; number < count; number += 1)
      crowd.#members.push(await Member.listen(number))
    await crowd.connect()
    crowd.#beating = crowd.#beat()
    starting.move()
    return crowd
  }

  /** Registers all peers, again if they were; each waits for its turn, and for the index. */
  async connect(): Promise<void> {
    const { signal } = this.#stop
    await inParallel(this.#members, dialsAtOnce, async (member) => {
      for (;;) {
        try {
          await member.register(this.#index, signal)
          return
        } catch (error) {
          if (!hasCode(error, 'DIAL_FAILED')) throw error
          await systemClock.sleep(redialMs, signal)
        }
      }
    })
  }

  member(number: number): Member {
    const member = this.#members[number]
    if (member === undefined) throw new RangeError(`there is no peer ${number}`)
    return member
  }

  get members(): readonly Member[] {
    return this.#members
  }

  async #beat(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      const heartbeatMs = this.#members[0]?.heartbeatMs ?? deadlines.heartbeatMaxMs
      await systemClock.sleep(heartbeatMs, signal).catch(() => {})
      await Promise.all(this.#members.map((member) => member.beat()))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#beating
    await Promise.all(this.#members.map((member) => member[Symbol.asyncDispose]()))
  }
}

/** One peer. */
export class Member implements AsyncDisposable {
  readonly peerId: string
  readonly #server: Server
  readonly #epoch: string
  #connected: Connected | undefined
  #lastSeq = 0

  private constructor(number: number, server: Server) {
    this.peerId = peerIdOf(number)
    this.#server = server
    this.#epoch = number.toString(16).padStart(16, '0')
  }

  static async listen(number: number): Promise<Member> {
    const peerId = peerIdOf(number)
    const server = await startServer<'peer', undefined>(
      { role: 'peer', address: { host: '127.0.0.1', port: 0 }, connectionsMax: 8 },
      {
        transport: tcpTransport,
        clock: systemClock,
        log: silentLog,
        handlers: toPeers,
        welcome: async () => ({ reply: { peerId }, session: undefined }),
      },
    )
    return new Member(number, server)
  }

  /** Registers; `transport` may count bytes. @returns the last change that the index has seen */
  async register(
    index: Address,
    signal: AbortSignal,
    transport: Transport = tcpTransport,
  ): Promise<number> {
    this.leave()
    const { port } = this.#server.address
    const registration = { epoch: this.#epoch, host: '127.0.0.1', port, freeBytes }
    const all = { ...registration, ...(this.#lastSeq > 0 && { hasAnnounced: true }) }
    this.#connected = await connect<'index', 'peer'>(
      {
        transport,
        address: index,
        role: 'index',
        hello: { role: 'peer', peerId: this.peerId, registration: all },
        handlers: toIndex,
        signal,
      },
      { clock: systemClock, log: silentLog },
    )
    return this.#connected.welcome.registered?.seenSeq ?? 0
  }

  /**
   * Announces changes, the first of all as a full inventory. They are made while the index applies earlier
   * ones.
   */
  async announce(changes: Iterable<Put>): Promise<void> {
    const isFirst = this.#lastSeq === 0
    const parts = partsOf(changes, limits.announceChangesSent)
    for (let { value: part } = parts.next(), begin = isFirst; part !== undefined; begin = false) {
      const { value: next } = parts.next()
      const previousSeq = this.#lastSeq
      this.#lastSeq += part.length
      const announcement = {
        epoch: this.#epoch,
        ...(begin && { begin: true }),
        ...(isFirst && next === undefined && { end: true }),
        previousSeq,
        lastSeq: this.#lastSeq,
        changes: part.map((put, position) => ({ ...put, seq: previousSeq + position + 1 })),
      }
      await this.#connected?.connection.request('announce', announcement, { deadlineMs })
      part = next
    }
  }

  /** The interval that the index wants. */
  get heartbeatMs(): number {
    return this.#connected?.welcome.registered?.heartbeatMs ?? deadlines.heartbeatMaxMs
  }

  async beat(): Promise<void> {
    await this.#connected?.connection.request('heartbeat', { freeBytes }).catch(() => {})
  }

  /** Ends the connection without a word. */
  leave(): void {
    this.#connected?.connection.destroy()
    this.#connected = undefined
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.leave()
    await this.#server[Symbol.asyncDispose]()
  }
}

function* partsOf<T>(items: Iterable<T>, length: number): Generator<T[], undefined> {
  let part: T[] = []
  for (const item of items) {
    part.push(item)
    if (part.length < length) continue
    yield part
    part = []
  }
  if (part.length > 0) yield part
}

/** They do nothing that is asked of them: what is measured is the index. */
const toPeers: Handlers<'peer' | 'client', 'peer', undefined> = {
  ...noMesh,
  'past-transfers': async () => ({ transfers: [], isMore: false }),
  'past-queries': async () => ({ queries: [], isMore: false }),
  'chunk-list': holdsNothing,
  chunks: holdsNothing,
  read: holdsNothing,
  'read-many': holdsNothing,
}

const toIndex: Handlers<'index', 'peer', undefined> = {
  tasks: async () => ({}),
  'cancel-tasks': async () => ({}),
  probe: async () => ({}),
  verify: async () => ({}),
  prove: holdsNothing,
  'show-chunk': holdsNothing,
  'confirm-copies': async ({ sha256s }) => ({ confirmed: sha256s.map(() => true) }),
  relabel: async ({ copies }) => ({ relabelled: copies.map(() => false) }),
  'restore-file': async () => ({}),
  'keep-intent': async ({ revision }) => ({ revision }),
  'read-intent': async () => ({ records: [] }),
  reached: async () => ({}),
}

async function holdsNothing(): Promise<never> {
  throw new AppError('CONTENT_NOT_FOUND', { sha256: '' })
}
