import type { Clock } from '../clock.ts'
import { AppError, errorToWire } from '../errors.ts'
import { deadlines } from '../limits.ts'
import type { Log } from '../log.ts'
import { Connection } from './connection.ts'
import { connectionErrorId, errorFrame } from './envelope.ts'
import { type Dispatch, dispatcher, type Handlers } from './handlers.ts'
import { protocolVersion, type ReplyOf, type RequestOf, type Role } from './messages.ts'
import type { Address, Transport, Wire } from './transport.ts'
import { parseRequest } from './validate.ts'

export interface ServerOptions<To extends 'index' | 'peer'> {
  readonly role: To
  /** Port 0 takes any free one. */
  readonly address: Address
  /** Read for each new connection: it may change. */
  readonly connectionsMax: number
}

export interface ServerDependencies<To extends 'index' | 'peer', Session> {
  readonly transport: Transport
  readonly clock: Clock
  readonly log: Log
  readonly handlers: Handlers<'peer' | 'client', To, Session>
  /** Greets a new connection; what it throws refuses the hello. */
  readonly welcome: (
    hello: RequestOf<'hello'>,
    connection: Connection,
  ) => Promise<{ reply: Omit<ReplyOf<'hello'>, 'protocol' | 'role'>; session: Session }>
  /** Called once for each connection that was welcomed, when it has ended. */
  readonly onClosed?: (session: Session) => void
}

/** Answers connections. Disposing closes the door, then every connection, orderly. */
export interface Server extends AsyncDisposable {
  readonly address: Address
  readonly connectionCount: number
}

/** @throws AppError ADDRESS_IN_USE, DIAL_FAILED when the address cannot be had */
export async function startServer<To extends 'index' | 'peer', Session>(
  options: ServerOptions<To>,
  dependencies: ServerDependencies<To, Session>,
): Promise<Server> {
  const connections = new Set<Connection>()
  const listener = await dependencies.transport.listen(options.address, (wire, remote) => {
    if (connections.size >= options.connectionsMax) return turnAway(wire, options.connectionsMax)
    const connection = serve(wire, remote, options.role, dependencies)
    connections.add(connection)
    connection.onClosed(() => connections.delete(connection))
  })
  return {
    address: listener.address,
    get connectionCount() {
      return connections.size
    },
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]()
      await Promise.all([...connections].map((connection) => connection[Symbol.asyncDispose]()))
    },
  }
}

function turnAway({ stream }: Wire, max: number): void {
  stream.on('error', () => {})
  const error = errorToWire(new AppError('TOO_MANY_CONNECTIONS', { max }))
  stream.end(errorFrame(connectionErrorId, error), () => stream.destroy())
}

/** One connection from its first byte: hello, then the handlers with the session that welcome made. */
function serve<To extends 'index' | 'peer', Session>(
  wire: Wire,
  remote: Address,
  role: To,
  dependencies: ServerDependencies<To, Session>,
): Connection {
  const { clock, log, handlers } = dependencies
  let greeting: Promise<Dispatch> | undefined

  const greet = async (body: unknown): Promise<{ dispatch: Dispatch; reply: ReplyOf<'hello'> }> => {
    const hello = parseHello(body)
    const { reply, session } = await dependencies.welcome(hello, connection)
    cancelHelloTimer()
    connection.onClosed(() => dependencies.onClosed?.(session))
    const roles: { from: Role; to: To } = { from: hello.role, to: role }
    return {
      dispatch: dispatcher(handlers, roles, session),
      reply: { ...reply, protocol: protocolVersion, role },
    }
  }

  const dispatch: Dispatch = async (type, body, signal) => {
    if (type === 'hello') {
      if (greeting !== undefined) throw new AppError('HELLO_EXPECTED')
      const greeted = greet(body)
      greeting = greeted.then((done) => done.dispatch)
      // A refused hello is reported by its own answer below.
      greeting.catch(() => {})
      return { reply: (await greeted).reply }
    }
    if (greeting === undefined) throw new AppError('HELLO_EXPECTED')
    const dispatchGreeted = await greeting
    return await dispatchGreeted(type, body, signal)
  }

  const connection = new Connection({ remote }, { wire, dispatch, clock, log })
  const cancelHelloTimer = clock.after(deadlines.helloMs, () => connection.destroy())
  connection.onClosed(cancelHelloTimer)
  return connection
}

/** @throws AppError BAD_REQUEST, VERSION_MISMATCH */
function parseHello(body: unknown): RequestOf<'hello'> {
  const hello = parseRequest('hello', body)
  if (hello.protocol !== protocolVersion)
    throw new AppError('VERSION_MISMATCH', { theirs: hello.protocol, ours: protocolVersion })
  return hello
}
