import type { Clock } from '../clock.ts'
import { AppError, errorToWire } from '../errors.ts'
import { deadlines, limits } from '../limits.ts'
import type { Log } from '../log.ts'
import { RefusalNotices } from '../refusal-notices.ts'
import { ByteBudget } from './byte-budget.ts'
import { type ClusterDesk, checkHello, clusterHandlers, isAboutIdentity } from './cluster-desk.ts'
import { Connection } from './connection.ts'
import { ConnectionSlots, type Occupant } from './connection-slots.ts'
import { connectionErrorId, errorFrame } from './envelope.ts'
import { type Dispatch, dispatcher, type Handlers, type SessionSlot } from './handlers.ts'
import { hostKeyOf } from './host-share.ts'
import { LongFrames } from './long-frames.ts'
import { protocolVersion, type ReplyOf, type RequestOf } from './messages.ts'
import type { Shortcut } from './shortcut.ts'
import type { Address, Transport, Wire } from './transport.ts'
import { TrustExchange, trustNumber } from './trust-exchange.ts'
import { measuredRequest } from './validate.ts'

export interface ServerOptions<To extends 'index' | 'peer'> {
  readonly role: To
  /** Port 0 takes any free port. */
  readonly address: Address
  /** Read for each new connection, as it may change. */
  readonly connectionsMax: number
}

export interface ServerDependencies<To extends 'index' | 'peer', Session> {
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
  readonly handlers: Handlers<'peer' | 'client', To, Session>
  /** Shared with work that has to wait for them. */
  readonly longFrames?: LongFrames
  /** Answers some requests instead of the handlers, on connections with a session. */
  readonly shortcut?: Shortcut
  /** Accepts a new connection; its error refuses the hello. */
  readonly welcome: (
    hello: RequestOf<'hello'>,
    connection: Connection,
  ) => Promise<{ reply: Omit<ReplyOf<'hello'>, 'protocol' | 'role'>; session: Session }>
  /** Answers requests of the cluster's authority, in a secured cluster. */
  readonly desk?: ClusterDesk | undefined
  /** Called for each connection that is refused for who opened it. */
  readonly onRefused?: ((remote: Address, error: AppError) => void) | undefined
  /** Called once per accepted connection, when it has ended. */
  readonly onClosed?: (session: Session) => void
}

/** Accepts connections. Disposing stops listening, then closes every connection gracefully. */
export interface Server extends AsyncDisposable {
  readonly address: Address
  readonly connectionCount: number
  /** Counts the memory of all connections. */
  readonly budget: ByteBudget
}

/** A connection being served. */
interface Served extends Occupant {
  readonly connection: Connection
}

/** How long a refused host is refused without looking at all connections again. */
const refusalMs = 100

/** @throws AppError ADDRESS_IN_USE, DIAL_FAILED if the address is unavailable */
export async function startServer<To extends 'index' | 'peer', Session>(
  options: ServerOptions<To>,
  dependencies: ServerDependencies<To, Session>,
): Promise<Server> {
  const served = new ConnectionSlots<Served>(dependencies)
  const refusals = new Refusals(dependencies)
  const notices = new RefusalNotices(dependencies)
  const budget = new ByteBudget(budgetOptions, dependencies)
  const { longFrames = new LongFrames() } = dependencies
  const listener = await dependencies.transport.listen(options.address, (wire, remote) => {
    if (wire.refusal !== undefined)
      return turnAway(wire, remote, wire.refusal, { ...dependencies, notices })
    if (served.size >= options.connectionsMax && !makeRoom(served, remote, refusals))
      return refuse(wire, new AppError('TOO_MANY_CONNECTIONS', { max: options.connectionsMax }))
    const one = serve(wire, remote, options.role, { ...dependencies, budget, longFrames })
    served.add(one)
    one.connection.onClosed(() => served.delete(one))
  })
  return {
    address: listener.address,
    budget,
    get connectionCount() {
      return served.size
    },
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]()
      await Promise.all([...served].map(({ connection }) => connection[Symbol.asyncDispose]()))
    },
  }
}

const budgetOptions = {
  bytesMax: limits.budgetBytesMax,
  hardBytesMax: limits.budgetHardBytesMax,
  ownBytes: limits.budgetOwnBytes,
}

/**
 * Hosts for which no connection is evicted for a moment. To find one takes milliseconds, which a host that
 * connects very often must not take from others.
 */
class Refusals {
  readonly #clock: Clock
  readonly #hosts = new Set<string>()
  #sinceMs = Number.NEGATIVE_INFINITY

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock
  }

  has(hostKey: string): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#sinceMs >= refusalMs) {
      this.#hosts.clear()
      this.#sinceMs = nowMs
    }
    return this.#hosts.has(hostKey)
  }

  add(hostKey: string): void {
    this.#hosts.add(hostKey)
  }
}

/** Closes the least valuable connections, if the policy allows it for this newcomer. */
function makeRoom(served: ConnectionSlots<Served>, { host }: Address, refusals: Refusals): boolean {
  const hostKey = hostKeyOf(host)
  if (refusals.has(hostKey)) return false
  const leaving = served.leavingFor(hostKey)
  // None leaves for it, or one of its own: a host may replace these, but not all of them in a moment.
  if (leaving.every(({ hostKey: of, isGreeted }) => of === hostKey && isGreeted))
    refusals.add(hostKey)
  for (const one of leaving) {
    served.delete(one)
    one.connection.destroy()
  }
  return leaving.length > 0
}

function refuse({ stream }: Wire, error: AppError): void {
  stream.on('error', () => {})
  stream.end(errorFrame(connectionErrorId, errorToWire(error)), () => stream.destroy())
}

/** Refuses a connection for who opened it. */
function turnAway(
  wire: Wire,
  remote: Address,
  error: AppError,
  {
    log,
    notices,
    onRefused,
  }: {
    log: Log
    notices: RefusalNotices
    onRefused?: ((remote: Address, error: AppError) => void) | undefined
  },
): void {
  const refused = { remote, reason: error.message }
  if (!notices.isNews(remote.host, error.code)) log.debug(refused, 'refused a connection')
  else log.warn({ ...refused, untold: notices.takeUntold() }, 'refused a connection')
  onRefused?.(remote, error)
  refuse(wire, error)
}

/** Serves one connection: hello, then the handlers with the session that `welcome` created. */
function serve<To extends 'index' | 'peer', Session>(
  wire: Wire,
  remote: Address,
  role: To,
  dependencies: ServerDependencies<To, Session> & { budget: ByteBudget; longFrames: LongFrames },
): Served {
  const { clock, log, handlers, budget, longFrames } = dependencies
  const { trusts } = dependencies.transport
  const exchange = trusts && new TrustExchange(trusts, dependencies)
  let greeted: Dispatch | undefined
  let isGreeted = false
  let isRegistered = false

  const greet = async (
    hello: RequestOf<'hello'>,
    { resolve, reject }: PromiseWithResolvers<Session>,
    slot: SessionSlot<Session>,
  ): Promise<{ reply: ReplyOf<'hello'> }> => {
    try {
      checkHello(hello, wire.proven)
      const welcomed = await dependencies.welcome(hello, connection)
      cancelHelloTimer()
      connection.onClosed(() => dependencies.onClosed?.(welcomed.session))
      isGreeted = true
      isRegistered = hello.registration !== undefined
      slot.current = welcomed
      if (wire.proven?.role !== 'joiner') {
        connection.shortcut = dependencies.shortcut
        exchange?.onGreeted(connection, hello.trust)
      } else {
        // It is unknown until it has joined, and must not keep others out meanwhile.
        connection.onClosed(clock.after(deadlines.requestMs, () => connection.destroy()))
      }
      resolve(welcomed.session)
      const ours = { protocol: protocolVersion, role, ...trustNumber(exchange) } as const
      return { reply: { ...welcomed.reply, ...ours } }
    } catch (error) {
      if (isAboutIdentity(error)) dependencies.onRefused?.(remote, error)
      reject(error)
      throw error
    }
  }

  const dispatch: Dispatch = (type, body) => {
    if (type !== 'hello' && greeted === undefined) throw new AppError('HELLO_EXPECTED')
    if (type !== 'hello' && greeted !== undefined) return greeted(type, body)
    if (greeted !== undefined) throw new AppError('HELLO_EXPECTED')
    const welcomed = Promise.withResolvers<Session>()
    // The answer to a refused hello reports it.
    welcomed.promise.catch(() => {})
    const slot: SessionSlot<Session> = { welcomed: welcomed.promise }
    const { request, bytes } = parseHello(body)
    const roles = { from: request.role as 'peer' | 'client', to: role, proven: wire.proven }
    greeted = dispatcher(
      handlers,
      roles,
      slot,
      clusterHandlers(dependencies.desk, exchange, connection),
    )
    return { bytes, replyBytes: 0, isQuick: false, run: () => greet(request, welcomed, slot) }
  }

  const connection = new Connection(
    { remote, proven: wire.proven },
    { wire, dispatch, clock, log, budget, longFrames },
  )
  const cancelHelloTimer = clock.after(deadlines.helloMs, () => connection.destroy())
  connection.onClosed(cancelHelloTimer)
  return servedOn(connection, () => ({ isGreeted, isRegistered }))
}

function servedOn(
  connection: Connection,
  state: () => Pick<Occupant, 'isGreeted' | 'isRegistered'>,
): Served {
  return {
    connection,
    hostKey: hostKeyOf(connection.remote.host),
    get isGreeted() {
      return state().isGreeted
    },
    get isRegistered() {
      return state().isRegistered
    },
    get isBusy() {
      return connection.isBusy
    },
    get silentMs() {
      return connection.silentMs
    },
  }
}

/** @throws AppError BAD_REQUEST, VERSION_MISMATCH */
function parseHello(body: unknown): ReturnType<typeof measuredRequest<'hello'>> {
  const hello = measuredRequest('hello', body)
  const theirs = hello.request.protocol
  if (theirs !== protocolVersion)
    throw new AppError('VERSION_MISMATCH', { theirs, ours: protocolVersion })
  return hello
}
