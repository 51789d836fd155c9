import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf, toAppError } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import { connect } from '../../common/protocol/client.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { IntentState, ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import { type Address, formatAddress, type Transport } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { AnnouncementStream } from './announcement-stream.ts'
import type { Inventory } from './inventory.ts'
import { Hurry, reconnectDelayMs } from './reconnect-pace.ts'

/** A stopping peer tells the index, if the index answers within this time. */
const leaveMs = 500

export interface AnnouncerOptions {
  readonly peerId: string
  /** Proof that this peer owns its id. */
  readonly identity?: string
  /** The address of the index. */
  readonly index: Address
  /** Where other peers reach this one; without a host, the index uses the address it sees. */
  readonly host: string | undefined
  readonly port: number
  readonly zone: string | undefined
}

/** Free bytes on the disk of this peer's data, and the size of the disk if known. */
type Room = RequestOf<'heartbeat'>
/** Without a host it listens on all addresses. */
export type HttpServer = NonNullable<NonNullable<RequestOf<'hello'>['registration']>['http']>

export interface AnnouncerDependencies {
  readonly inventory: Inventory
  /** Free bytes on the disk of this peer's data. */
  room(): Promise<Room>
  /**
   * Its HTTP server, once it listens; absent if it has none.
   * @throws the signal's reason
   */
  http?(signal: AbortSignal): Promise<HttpServer>
  /** The decisions that this peer keeps for the index. */
  intent(): IntentState | undefined
  /** Those that it keeps for another index, if there is one. */
  otherIntent?(): IntentState | undefined
  /** Handlers of the requests that the index sends to a peer. */
  readonly handlers: Handlers<'index', 'peer', undefined>
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * `refused`: the index answers but does not accept this peer; `error` says why, and a person must
 * act.
 */
export type AnnouncerState =
  | { readonly name: 'connecting'; readonly error?: AppError }
  | { readonly name: 'registered' }
  | { readonly name: 'refused'; readonly error: AppError }

/** A connection that lasted this long resets the count of failures. */
const heldMs = 2_000

/** Keeps this peer registered at the index, and announces its copies. */
export class Announcer implements AsyncDisposable {
  readonly #options: AnnouncerOptions
  readonly #dependencies: AnnouncerDependencies
  readonly #log: Log
  readonly #work: BackgroundWork
  /** Woken when the state changes, when changes were sent, and when a hurried caller waits. */
  readonly #wakeUp = new WakeUp()
  /** Notified when the room for copies has changed. */
  readonly #roomChanges = new WakeUp()
  #isRoomNew = false
  #state: AnnouncerState = { name: 'connecting' }
  #connection: Connection | undefined
  /** All changes up to this one were sent on the connection. */
  #sentSeq = 0
  #failures = 0
  #hasRegistered = false
  /** Whether an index has acknowledged changes. */
  #hasAnnounced = false
  #isLeavingForGood = false
  /** Since when there has been no connection (monotonic). */
  #awaySinceMs: number
  /** When the index last answered (monotonic). */
  #heardMs = Number.NEGATIVE_INFINITY
  /** The number of hurried callers that wait for the connection. */
  #askers = 0
  readonly #hurry = new Hurry()

  private constructor(options: AnnouncerOptions, dependencies: AnnouncerDependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#log = dependencies.log
    this.#work = new BackgroundWork(dependencies)
    this.#awaySinceMs = dependencies.clock.monotonicMs()
  }

  /** Starts to connect; retries until it is disposed. */
  static start(options: AnnouncerOptions, dependencies: AnnouncerDependencies): Announcer {
    const announcer = new Announcer(options, dependencies)
    announcer.#work.start('announce', (signal) => announcer.#stayRegistered(signal))
    return announcer
  }

  /** The address of the index, for people. */
  get address(): string {
    return formatAddress(this.#options.index)
  }

  get state(): AnnouncerState {
    return this.#state
  }

  /** Whether the index has accepted this peer since the start, and has not refused it later. */
  get hasRegistered(): boolean {
    return this.#hasRegistered && this.#state.name !== 'refused'
  }

  /** The connection to the index on which this peer is registered, if there is one now. */
  get connection(): Connection | undefined {
    return this.#connection?.isOpen === true ? this.#connection : undefined
  }

  /** When the index last accepted this peer or a heartbeat, on the monotonic clock. */
  get heardMs(): number {
    return this.#heardMs
  }

  /** Whether the index has been sent every change of the catalog. */
  get isTold(): boolean {
    return this.#sentSeq >= this.#dependencies.inventory.lastSeq
  }

  /** Time without a connection, in milliseconds; 0 while there is one. */
  get awayMs(): number {
    if (this.#connection !== undefined) return 0
    return this.#dependencies.clock.monotonicMs() - this.#awaySinceMs
  }

  /**
   * The connection, as soon as there is one. A hurried call, as for a user, brings a bounded number
   * of attempts forward.
   * @throws AppError why the index refuses this peer, if it does; or the signal's reason
   */
  async connected(signal: AbortSignal, { isHurried = false } = {}): Promise<Connection> {
    const connection = this.#connectionNow()
    if (connection !== undefined) return connection
    if (!isHurried) return await this.#wakeUp.until(() => this.#connectionNow(), signal)
    this.#askers++
    this.#wakeUp.notify()
    try {
      return await this.#wakeUp.until(() => this.#connectionNow(), signal)
    } finally {
      this.#askers--
    }
  }

  /**
   * Resolves when every change of the catalog up to now has been sent to the index.
   * @throws the signal's reason
   */
  async announced(signal: AbortSignal): Promise<void> {
    const { lastSeq } = this.#dependencies.inventory
    await this.#wakeUp.until(() => this.#sentSeq >= lastSeq || undefined, signal)
  }

  /** The room for copies has changed: the index is told now instead of with the next heartbeat. */
  tellRoom(): void {
    this.#isRoomNew = true
    this.#roomChanges.notify()
  }

  /** The next `leave` will say that this peer does not return. */
  leaveForGood(): void {
    this.#isLeavingForGood = true
  }

  /** Tells the index that this peer leaves, waiting at most `leaveMs`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work[Symbol.asyncDispose]()
  }

  /** @throws AppError why the index refuses this peer */
  #connectionNow(): Connection | undefined {
    if (this.#state.name === 'refused') throw this.#state.error
    return this.connection
  }

  async #stayRegistered(signal: AbortSignal): Promise<void> {
    const { random } = this.#dependencies
    for (;;) {
      try {
        await this.#register(signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#onFailure(toAppError(error))
      }
      const isRefused = this.#state.name === 'refused'
      const away = { failures: this.#failures, awayMs: this.awayMs, isRefused }
      await this.#pause(reconnectDelayMs(away, random), signal)
    }
  }

  /** Waits after a failure; not as long while a hurried caller waits for the connection. */
  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    const shortestMs = Math.min(delayMs, this.#hurry.pauseMs(clock.monotonicMs()))
    await clock.sleep(shortestMs, signal)
    const over = new AbortController()
    const isOver = AbortSignal.any([signal, over.signal])
    const asked = this.#wakeUp.until(() => this.#askers > 0 || undefined, isOver)
    const onAsked = asked.then(() => this.#hurry.use(clock.monotonicMs()))
    try {
      await Promise.race([onAsked, clock.sleep(delayMs - shortestMs, isOver)])
    } finally {
      over.abort()
    }
  }

  /** Connects, and stays connected until something fails. @throws the failure */
  async #register(signal: AbortSignal): Promise<void> {
    const { handlers, transport, clock, log } = this.#dependencies
    const { index: address } = this.#options
    const { connection, welcome } = await connect(
      { transport, address, role: 'index', hello: await this.#hello(signal), handlers, signal },
      this.#dependencies,
    )
    try {
      if (welcome.registered === undefined) {
        const reason = 'it did not register this peer'
        throw new AppError('BAD_REPLY', { address: this.address, request: 'hello', reason })
      }
      const { seenSeq } = welcome.registered
      log.info({ index: this.address, seenSeq }, 'registered at the index')
      this.#connection = connection
      this.#heardMs = clock.monotonicMs()
      this.#setState({ name: 'registered' })
      await this.#stay(connection, welcome.registered, signal)
    } finally {
      this.#connection = undefined
      this.#awaySinceMs = clock.monotonicMs()
      this.#sentSeq = 0
      if (signal.aborted) await this.#leave(connection)
      connection.destroy()
      await connection.closed
    }
  }

  /** Announces and sends heartbeats until one of them fails or the connection ends. */
  async #stay(
    connection: Connection,
    { seenSeq, heartbeatMs }: NonNullable<ReplyOf<'hello'>['registered']>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock } = this.#dependencies
    const startMs = clock.monotonicMs()
    const onSent = (seq: number): void => this.#onSent(seq)
    const stream = new AnnouncementStream(seenSeq, { ...this.#dependencies, connection, onSent })
    const stop = new AbortController()
    const isOver = AbortSignal.any([signal, stop.signal])
    const closed = connection.closed.then(() => {
      throw new AppError('CONNECTION_CLOSED', { address: this.address })
    })
    const running = [stream.run(isOver), this.#beat(connection, heartbeatMs, isOver)]
    try {
      await Promise.race([closed, ...running])
    } finally {
      if (clock.monotonicMs() - startMs > heldMs) this.#failures = 0
      this.#hasAnnounced ||= stream.acknowledgedSeq > 0
      stop.abort()
      await Promise.allSettled(running)
    }
  }

  async #beat(connection: Connection, heartbeatMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    for (;;) {
      if (!this.#isRoomNew) await this.#roomChanges.next(signal, { clock, delayMs: heartbeatMs })
      signal.throwIfAborted()
      this.#isRoomNew = false
      const others = this.#otherIntent()
      await connection.request('heartbeat', { ...(await this.#room()), ...others }, { signal })
      this.#heardMs = clock.monotonicMs()
    }
  }

  async #leave(connection: Connection): Promise<void> {
    try {
      const request = this.#isLeavingForGood ? { forGood: true } : {}
      await connection.request('leave', request, { deadlineMs: leaveMs })
    } catch (error) {
      this.#log.debug({ reason: reasonOf(error) }, 'the index was not told that this peer leaves')
    }
  }

  async #hello(
    signal: AbortSignal,
  ): Promise<Omit<RequestOf<'hello'>, 'protocol'> & { role: 'peer' }> {
    const { peerId, identity, host, port, zone } = this.#options
    const { epoch, continues } = this.#dependencies.inventory
    const intent = this.#dependencies.intent()
    const http = await this.#dependencies.http?.(signal)
    const registration = {
      epoch,
      ...(identity !== undefined && { identity }),
      ...(continues !== undefined && { continues }),
      ...(host !== undefined && { host }),
      port,
      ...(http && { http }),
      ...(zone !== undefined && { zone }),
      ...(intent !== undefined && { intent }),
      ...this.#otherIntent(),
      ...(this.#hasAnnounced && { hasAnnounced: true }),
      ...(await this.#room()),
    }
    return { role: 'peer', peerId, registration }
  }

  #otherIntent(): Pick<RequestOf<'heartbeat'>, 'otherIntent'> {
    const otherIntent = this.#dependencies.otherIntent?.()
    return otherIntent === undefined ? {} : { otherIntent }
  }

  /** A disk whose free space is unknown gets no further replicas. */
  async #room(): Promise<Room> {
    try {
      return await this.#dependencies.room()
    } catch (error) {
      this.#log.debug({ reason: reasonOf(error) }, 'the free space is unknown')
      return { freeBytes: 0 }
    }
  }

  #onSent(seq: number): void {
    this.#sentSeq = seq
    this.#wakeUp.notify()
  }

  #onFailure(error: AppError): void {
    this.#failures++
    const name = isRefusal(error) ? 'refused' : 'connecting'
    const isNews = this.#state.name !== name || this.#state.error?.code !== error.code
    const details = { index: this.address, code: error.code, reason: reasonOf(error) }
    const text = name === 'refused' ? 'the index refuses this peer' : 'not connected to the index'
    if (isNews) this.#log.warn(details, text)
    else this.#log.debug(details, text)
    this.#setState({ name, error })
  }

  #setState(state: AnnouncerState): void {
    this.#state = state
    this.#hasRegistered ||= state.name === 'registered'
    this.#wakeUp.notify()
  }
}

/**
 * Whether an immediate retry is useless. Another process with this id may end, or be declared dead,
 * at any time.
 */
function isRefusal(error: AppError): boolean {
  return error.code === 'PEER_ID_TAKEN' || !error.retryable
}
