import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { AppError, hasCode } from '../errors.ts'
import type { ProvenIdentity } from '../identity/cluster-role.ts'
import { deadlines } from '../limits.ts'
import type { Log } from '../log.ts'
import { Connection } from './connection.ts'
import { dispatcher, type Handlers, type SessionSlot } from './handlers.ts'
import { protocolVersion, type ReplyOf, type RequestOf, type Role } from './messages.ts'
import { type Address, formatAddress, type Transport, type Wire } from './transport.ts'
import { TrustExchange, trustNumber } from './trust-exchange.ts'

/** The roles, in sentences. */
const named = { index: 'an index', peer: 'a peer', client: 'a client' } as const satisfies Record<
  Role,
  string
>

export interface ConnectOptions<From extends Role, To extends Role> {
  readonly transport: Transport
  readonly address: Address
  /** A connection that has been dialled; by default the transport dials one. */
  readonly wire?: Wire
  /** The role that must answer. */
  readonly role: From
  readonly hello: Omit<RequestOf<'hello'>, 'protocol'> & { role: To }
  /** Handlers for requests from the other side; none by default. */
  readonly handlers?: Handlers<From, To, undefined>
  readonly signal?: AbortSignal | undefined
  readonly deadlineMs?: number
}

export interface Connected {
  readonly connection: Connection
  readonly welcome: ReplyOf<'hello'>
}

/**
 * Dials, sends hello and waits for the welcome, all within one deadline.
 * @throws AppError DIAL_FAILED, DEADLINE_EXCEEDED, VERSION_MISMATCH, BAD_REPLY if the other side
 * has another role, and the other side's refusal
 */
export async function connect<From extends 'index' | 'peer', To extends 'peer' | 'client'>(
  options: ConnectOptions<From, To>,
  dependencies: { clock: Clock; log: Log },
): Promise<Connected> {
  const { address, deadlineMs = deadlines.dialMs, signal } = options
  const what = `Connecting to ${formatAddress(address)}`
  return await withDeadline({ what, deadlineMs, signal }, dependencies.clock, (inTime) =>
    open(options, dependencies, inTime),
  )
}

async function open<From extends 'index' | 'peer', To extends 'peer' | 'client'>(
  { transport, address, role, hello, handlers, ...options }: ConnectOptions<From, To>,
  dependencies: { clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<Connected> {
  const wire = options.wire ?? (await transport.dial(address, { signal }))
  const { proven } = wire
  const answered = (handlers ?? {}) as Handlers<From, To, undefined>
  const exchange = transport.trusts && new TrustExchange(transport.trusts, dependencies)
  const dispatch = dispatcher(
    answered,
    { from: role, to: hello.role as To, proven },
    noSession,
    exchange && { 'exchange-trust': (request) => exchange.answer(request) },
  )
  const connection = new Connection(
    { remote: address, proven },
    { wire, dispatch, ...dependencies },
  )
  try {
    checkServer(proven, role, address)
    const request = { ...hello, protocol: protocolVersion, ...trustNumber(exchange) }
    const welcome = await connection.request('hello', request, { signal })
    if (welcome.role !== role)
      throw new AppError('BAD_REPLY', {
        address: formatAddress(address),
        request: 'hello',
        reason: `it is ${named[welcome.role]}, not ${named[role]}`,
      })
    if (proven !== undefined && role === 'peer' && welcome.peerId !== proven.id)
      throw new AppError('DIAL_FAILED', {
        address: formatAddress(address),
        reason: `its certificate is for ${proven.id}, not for ${welcome.peerId ?? 'a peer without an id'}`,
      })
    exchange?.onGreeted(connection, welcome.trust)
    return { connection, welcome }
  } catch (error) {
    connection.destroy()
    const isSilentEnd = hasCode(error, 'CONNECTION_CLOSED') && connection.bytesReceived === 0
    if (isSilentEnd && transport.isPlain === true && proven === undefined)
      throw new AppError('TLS_REQUIRED', { address: formatAddress(address) }, { cause: error })
    throw error
  }
}

/**
 * A member must have the role that is asked: any member could listen at the address.
 * @throws AppError DIAL_FAILED
 */
function checkServer(proven: ProvenIdentity | undefined, role: Role, address: Address): void {
  if (proven === undefined) return
  const isIndex = proven.role === 'index'
  if (isIndex === (role === 'index') && proven.role !== 'reader') return
  const reason = `its certificate is for the ${proven.role} ${proven.id}, not for ${named[role]}`
  throw new AppError('DIAL_FAILED', { address: formatAddress(address), reason })
}

/** A dialled connection has no session. */
const noSession: SessionSlot<undefined> = {
  welcomed: Promise.resolve(undefined),
  current: { session: undefined },
}
