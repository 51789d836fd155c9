import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { AppError } from '../errors.ts'
import { deadlines } from '../limits.ts'
import type { Log } from '../log.ts'
import { Connection } from './connection.ts'
import { dispatcher, type Handlers, type SessionSlot } from './handlers.ts'
import { protocolVersion, type ReplyOf, type RequestOf, type Role } from './messages.ts'
import { type Address, formatAddress, type Transport } from './transport.ts'

/** The roles, in sentences. */
const named = { index: 'an index', peer: 'a peer', client: 'a client' } as const satisfies Record<
  Role,
  string
>

export interface ConnectOptions<From extends Role, To extends Role> {
  readonly transport: Transport
  readonly address: Address
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
  { transport, address, role, hello, handlers }: ConnectOptions<From, To>,
  dependencies: { clock: Clock; log: Log },
  signal: AbortSignal,
): Promise<Connected> {
  const wire = await transport.dial(address, { signal })
  const answered = (handlers ?? {}) as Handlers<From, To, undefined>
  const dispatch = dispatcher(answered, { from: role, to: hello.role as To }, noSession)
  const connection = new Connection({ remote: address }, { wire, dispatch, ...dependencies })
  try {
    const request = { ...hello, protocol: protocolVersion }
    const welcome = await connection.request('hello', request, { signal })
    if (welcome.role !== role)
      throw new AppError('BAD_REPLY', {
        address: formatAddress(address),
        request: 'hello',
        reason: `it is ${named[welcome.role]}, not ${named[role]}`,
      })
    return { connection, welcome }
  } catch (error) {
    connection.destroy()
    throw error
  }
}

/** A dialled connection has no session. */
const noSession: SessionSlot<undefined> = {
  welcomed: Promise.resolve(undefined),
  current: { session: undefined },
}
