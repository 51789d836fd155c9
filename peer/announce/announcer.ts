import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf, toAppError } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { connect } from '../../common/protocol/client.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import { type Address, formatAddress, type Transport } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { AnnouncementStream } from './announcement-stream.ts'
import type { Inventory } from './inventory.ts'
import { Hurry, reconnectDelayMs } from './reconnect-pace.ts'

export interface AnnouncerOptions {
  readonly peerId: string
  /** What proves that it has this id. */
  readonly identity?: string
  /** Where the index is. */
  readonly index: Address
  /** Where other peers reach this one; without a host the index takes the address it sees. */
  readonly host: string | undefined
  readonly port: number
  readonly zone: string | undefined
}

/** Room on the disk of this peer's data, and the disk's size if it is known. */
type Room = RequestOf<'heartbeat'>

export interface AnnouncerDependencies {
  readonly inventory: Inventory
  /** Room on the disk of this peer's data. */
  room(): Promise<Room>
  /** What the index may ask of this peer. */
  readonly handlers: Handlers<'index', 'peer', undefined>
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** `refused`: the index answers but does not take this peer; `error` says why, someone must act. */
export type AnnouncerState =
  | { readonly name: 'connecting'; readonly error?: AppError }
  | { readonly name: 'registered' }
  | { readonly name: 'refused'; readonly error: AppError }

/** A connection that held for so long was none of the failures before it. */
const heldMs = 2_000

/** Keeps this peer registered at the index, and the index up to date about what it has. */
export class Announcer implements AsyncDisposable {
  readonly #options: AnnouncerOptions
  readonly #dependencies: AnnouncerDependencies
  readonly #log: Log
  readonly #work: BackgroundWork
  /** Woken when the state changes, changes were sent, or somebody is in a hurry. */
  readonly #wakeUp = new WakeUp()
  #state: AnnouncerState = { name: 'connecting' }
  #connection: Connection | undefined
  /** All changes up to this one were sent on the connection. */
  #sentSeq = 0
  #failures = 0
  /** Since when there has been no connection (monotonic). */
  #awaySinceMs: number
  /** Those who wait for the connection and are in a hurry. */
  #askers = 0
  readonly #hurry = new Hurry()

  private constructor(options: AnnouncerOptions, dependencies: AnnouncerDependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#log = dependencies.log
    this.#work = new BackgroundWork(dependencies)
    this.#awaySinceMs = dependencies.clock.monotonicMs()
  }

  /** Begins to connect; what fails is tried again until it is disposed. */
  static start(options: AnnouncerOptions, dependencies: AnnouncerDependencies): Announcer {
    const announcer = new Announcer(options, dependencies)
    announcer.#work.start('announce', (signal) => announcer.#stayRegistered(signal))
    return announcer
  }

  /** Where the index is, for people. */
  get address(): string {
    return formatAddress(this.#options.index)
  }

  get state(): AnnouncerState {
    return this.#state
  }

  /** The connection to the index on which this peer is registered, if there is one now. */
  get connection(): Connection | undefined {
    return this.#connection?.isOpen === true ? this.#connection : undefined
  }

  /** For how long there has been no connection; 0 while there is one. */
  get awayMs(): number {
    if (this.#connection !== undefined) return 0
    return this.#dependencies.clock.monotonicMs() - this.#awaySinceMs
  }

  /**
   * The connection, once there is one. Asking for it in a hurry, as for a person, brings the next
   * attempts forward; how many is bounded.
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

  /** Tells the index that this peer leaves, if that takes no longer than `deadlines.leaveMs`. */
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

  /** Waits after a failure, and less while somebody in a hurry waits for the connection. */
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

  /** Connects, and stays connected for as long as it goes well. @throws why it ended */
  async #register(signal: AbortSignal): Promise<void> {
    const { handlers, transport, clock, log } = this.#dependencies
    const { index: address } = this.#options
    const { connection, welcome } = await connect(
      { transport, address, role: 'index', hello: await this.#hello(), handlers, signal },
      this.#dependencies,
    )
    try {
      if (welcome.registered === undefined) {
        const reason = 'it did not register this peer'
        throw new AppError('BAD_REPLY', { address: this.address, type: 'hello', reason })
      }
      const { seenSeq } = welcome.registered
      log.info({ index: this.address, seenSeq }, 'registered at the index')
      this.#connection = connection
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
      stop.abort()
      await Promise.allSettled(running)
    }
  }

  async #beat(connection: Connection, heartbeatMs: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    for (;;) {
      await clock.sleep(heartbeatMs, signal)
      await connection.request('heartbeat', await this.#room(), { signal })
    }
  }

  async #leave(connection: Connection): Promise<void> {
    try {
      await connection.request('leave', {}, { deadlineMs: deadlines.leaveMs })
    } catch (error) {
      this.#log.debug({ reason: reasonOf(error) }, 'the index was not told that this peer leaves')
    }
  }

  async #hello(): Promise<Omit<RequestOf<'hello'>, 'protocol'> & { role: 'peer' }> {
    const { peerId, identity, host, port, zone } = this.#options
    const { epoch, continues } = this.#dependencies.inventory
    const registration = {
      epoch,
      ...(identity !== undefined && { identity }),
      ...(continues !== undefined && { continues }),
      ...(host !== undefined && { host }),
      port,
      ...(zone !== undefined && { zone }),
      ...(await this.#room()),
    }
    return { role: 'peer', peerId, registration }
  }

  /** A disk that cannot say how much room it has is given nothing more to keep. */
  async #room(): Promise<Room> {
    try {
      return await this.#dependencies.room()
    } catch (error) {
      this.#log.debug({ reason: reasonOf(error) }, 'the free space is not known')
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
    const text =
      name === 'refused' ? 'the index does not take this peer' : 'not connected to the index'
    if (isNews) this.#log.warn(details, text)
    else this.#log.debug(details, text)
    this.#setState({ name, error })
  }

  #setState(state: AnnouncerState): void {
    this.#state = state
    this.#wakeUp.notify()
  }
}

/** Whether trying again at once is of no use. Another process with this id may end, or be found dead, any time. */
function isRefusal(error: AppError): boolean {
  return error.code === 'PEER_ID_TAKEN' || !error.retryable
}
