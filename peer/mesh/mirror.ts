import { isDeepStrictEqual } from 'node:util'
import { BackgroundWork } from '../../common/background.ts'
import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import { connect } from '../../common/protocol/client.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { Change, ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import type { Address, Transport } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { Member } from './member.ts'

const registerAgain = { firstMs: 500, maxMs: 15_000 } as const
/** How long the own index is given to take note that a member left. */
const leaveMs = 2_000

type Announcement = RequestOf<'announce'>

/** How much of a member's catalog the own index has. */
export interface Position {
  readonly seq: number
  /** Whether it has begun a full inventory and not ended it. */
  readonly isInventory: boolean
}

interface Registered {
  readonly connection: Connection
  readonly epoch: string
  position: Position
  /** Whether the own index has nothing of this run of the catalog, not even that it is empty. */
  isNew: boolean
}

export interface MirrorDependencies {
  /** Where the own index listens. */
  readonly index: { readonly transport: Transport; readonly address: Address }
  /** What the own index asks of the member is asked of the member itself. */
  readonly handlers: Handlers<'index', 'peer', undefined>
  /** The own index has said what it has of the catalog. */
  readonly onRegistered: () => void
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Another member of the mesh, as this peer's own index sees it: a connection on which the member
 * seems to have registered itself, while it is live.
 */
export class Mirror implements AsyncDisposable {
  readonly #dependencies: MirrorDependencies
  readonly #background: BackgroundWork
  readonly #wakeUp = new WakeUp()
  #member: Member
  #registered: Registered | undefined
  /** Whether the own index has not been told the newest record. */
  #isNews = false
  readonly #applying = new SerialQueue()

  constructor(member: Member, dependencies: MirrorDependencies) {
    this.#member = member
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    this.#background.start('mirror a member', (signal) => this.#run(signal))
  }

  /** What the own index has of this catalog; undefined until it says so. */
  position(epoch: string): Position | undefined {
    const registered = this.#registered
    return registered?.epoch === epoch ? registered.position : undefined
  }

  /** Whether a full inventory has begun and not ended; undefined while it is not registered. */
  get isInInventory(): boolean | undefined {
    return this.#registered?.position.isInventory
  }

  /** Whether the own index has all of the catalog up to its position; also until it says what it has. */
  isWhole(epoch: string): boolean {
    const registered = this.#registered
    if (registered?.epoch !== epoch) return true
    return !registered.isNew && !registered.position.isInventory
  }

  /** @throws AppError NOT_REGISTERED */
  progress(): Pick<Registered, 'epoch' | 'position'> {
    return this.#registeredNow('announce')
  }

  /** Takes over what gossip says of the member. */
  update(member: Member): void {
    const { record } = this.#member
    const isSame = isSameRun(record, member.record)
    this.#member = member
    this.#isNews = true
    if (member.state !== 'live' || !isSame) this.#end(member)
    this.#wakeUp.notify()
  }

  /**
   * Announces changes of the member's catalog to the own index.
   * @returns whether they were new, and all since the last ones rather than a part of an inventory
   * @throws AppError NOT_REGISTERED, and the answer of the index
   */
  async apply(announcement: Announcement): Promise<boolean> {
    return await this.#applying.run(() => this.#apply(announcement))
  }

  async #apply(announcement: Announcement): Promise<boolean> {
    const registered = this.#registeredNow('announce')
    const { begin, end, epoch, previousSeq, lastSeq } = announcement
    const { seq, isInventory: wasInventory } = registered.position
    if (registered.epoch !== epoch) throw new AppError('NOT_REGISTERED', { request: 'announce' })
    // Two members may have sent the same changes, one of them more.
    if (begin !== true && previousSeq < seq && lastSeq <= seq) return false
    const isPart = begin === true || wasInventory
    const unseen = isPart ? announcement : changesAfter(announcement, seq)
    const { seenSeq } = await registered.connection.request('announce', unseen)
    const isInventory = end !== true && isPart
    registered.position = { seq: seenSeq, isInventory }
    registered.isNew = false
    const { peerId } = this.#member.record
    const changes = announcement.changes.length
    this.#dependencies.log.debug({ peerId, lastSeq, changes }, 'changes of a member')
    return !isPart
  }

  /**
   * Tells the own index of copies that the member had at a change of its catalog, apart from its changes.
   * @returns false if the own index has later changes: some of the copies may be gone
   * @throws AppError NOT_REGISTERED, also if they are of another run; and the answer of the index
   */
  async add(at: { epoch: string; lastSeq: number }, copies: readonly Change[]): Promise<boolean> {
    return await this.#applying.run(async () => {
      const { connection, position, ...registered } = this.#registeredNow('announce')
      const { epoch } = at
      if (registered.epoch !== epoch) throw new AppError('NOT_REGISTERED', { request: 'announce' })
      const { seq } = position
      if (seq > at.lastSeq) return false
      const place = { epoch, previousSeq: seq, lastSeq: seq }
      await connection.request('announce', { ...place, changes: [...copies] })
      return true
    })
  }

  /**
   * Passes on what the member reports to the own index about its tasks.
   * @throws AppError NOT_REGISTERED, and the answer of the index
   */
  async report<T extends 'report' | 'progress' | 'confirm-drops'>(
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<ReplyOf<T>> {
    return await this.#registeredNow(type).connection.request(type, body, { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  #registeredNow(type: string): Registered {
    if (this.#registered?.connection.isOpen === true) return this.#registered
    throw new AppError('NOT_REGISTERED', { request: type })
  }

  /** Ends the registration; the own index then counts the silence of the member. */
  #end({ state, forGood }: Member): void {
    const registered = this.#registered
    this.#registered = undefined
    if (registered === undefined) return
    const { connection } = registered
    if (state !== 'left') return connection.destroy()
    this.#background.start('tell that a member left', async () => {
      const options = { deadlineMs: leaveMs }
      await connection.request('leave', forGood ? { forGood } : {}, options).catch(() => {})
      connection.destroy()
    })
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#dependencies
    for (let failures = 0; ; ) {
      await this.#wakeUp.until(() => this.#member.state === 'live' || undefined, signal)
      try {
        await this.#register(signal)
        failures = 0
      } catch (error) {
        signal.throwIfAborted()
        failures++
        const { peerId } = this.#member.record
        log.debug({ peerId, reason: reasonOf(error) }, 'a member was not mirrored')
      }
      if (failures > 0) await clock.sleep(backoffMs(failures, registerAgain, random), signal)
    }
  }

  /** Registers, and sends heartbeats until the registration ends. */
  async #register(signal: AbortSignal): Promise<void> {
    const { index, handlers } = this.#dependencies
    const { record } = this.#member
    const hello = {
      role: 'peer',
      peerId: record.peerId,
      registration: registrationOf(record),
    } as const
    const { connection, welcome } = await connect(
      { ...index, role: 'index', hello, handlers, signal },
      this.#dependencies,
    )
    const over = new AbortController()
    connection.onClosed(() => over.abort(new AppError('STOPPING')))
    try {
      const { registered } = welcome
      if (registered === undefined) throw new AppError('NOT_REGISTERED', { request: 'hello' })
      // It may have changed meanwhile.
      if (this.#member.state !== 'live' || !isSameRun(this.#member.record, record)) return
      const position = { seq: registered.seenSeq, isInventory: false }
      const isNew = registered.seenSeq === 0
      this.#registered = { connection, epoch: record.epoch, position, isNew }
      this.#isNews = false
      this.#dependencies.onRegistered()
      await this.#beat(connection, registered.heartbeatMs, AbortSignal.any([signal, over.signal]))
    } catch (error) {
      signal.throwIfAborted()
      if (!over.signal.aborted && connection.isOpen) throw error
    } finally {
      if (this.#registered?.connection === connection) this.#registered = undefined
      connection.destroy()
    }
  }

  async #beat(connection: Connection, heartbeatMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    for (;;) {
      if (!this.#isNews) await this.#wakeUp.next(signal, { clock, delayMs: heartbeatMs })
      signal.throwIfAborted()
      this.#isNews = false
      const { freeBytes, diskBytes, capacityBytes, intent } = this.#member.record
      const heartbeat = {
        freeBytes,
        ...(diskBytes !== undefined && { diskBytes }),
        ...(capacityBytes !== undefined && { capacityBytes }),
        ...(intent !== undefined && { intent }),
      }
      await connection.request('heartbeat', heartbeat, { signal })
    }
  }
}

/** What an announcement says beyond `seq`, if it begins before. */
function changesAfter(announcement: Announcement, seq: number): Announcement {
  if (announcement.previousSeq >= seq) return announcement
  const changes = announcement.changes.filter((change) => change.seq > seq)
  return { ...announcement, previousSeq: seq, changes }
}

/** Whether a registration with the one record tells all of the other that heartbeats do not. */
function isSameRun(before: MemberRecord, after: MemberRecord): boolean {
  const { epoch, host, port, zone, http } = after
  return isDeepStrictEqual(
    { epoch, host, port, zone, http },
    {
      epoch: before.epoch,
      host: before.host,
      port: before.port,
      zone: before.zone,
      http: before.http,
    },
  )
}

function registrationOf(record: MemberRecord): NonNullable<RequestOf<'hello'>['registration']> {
  const { peerId: _peer, generation: _run, version: _version, identity: _id, ...rest } = record
  const { lastSeq, ...registration } = rest
  return { ...registration, ...(lastSeq > 0 && { hasAnnounced: true }) }
}
