import { once } from 'node:events'
import { connect, createServer, type OnReadOpts, type Server, type Socket } from 'node:net'
import { AppError, reasonOf, systemErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import {
  type Address,
  formatAddress,
  type Listener,
  type Transport,
  type Wire,
  wireOf,
} from './transport.ts'

/** Between keep-alive probes of an idle connection: finds a vanished host behind a silent link. */
const keepAliveMs = 30_000
/** What a dialled connection reads into: small for one that carries messages, large once it carries bulk. */
const readBytes = { first: 16 * 1024, max: 256 * 1024 } as const

const dialReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'no host has this name',
  EAI_AGAIN: 'the host name cannot be resolved now',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ECONNRESET: 'it closed the connection at once',
}

function dialError(address: Address, cause: unknown): AppError {
  const reason = dialReasons[systemErrorCode(cause) ?? ''] ?? reasonOf(cause)
  return new AppError('DIAL_FAILED', { address: formatAddress(address), reason }, { cause })
}

function tune(socket: Socket): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
}

async function dial(address: Address, options: { signal?: AbortSignal }): Promise<Wire> {
  options.signal?.throwIfAborted()
  const reading = new ReusedBuffer()
  const socket = connect({ ...address, autoSelectFamily: true, onread: reading })
  tune(socket)
  // It reads from here on, and nobody takes what comes before the caller does.
  socket.pause()
  try {
    await once(socket, 'connect', options)
    return {
      stream: socket,
      read: (onBytes) => {
        reading.onBytes = onBytes
        socket.resume()
      },
    }
  } catch (error) {
    socket.destroy()
    options.signal?.throwIfAborted()
    throw dialError(address, error)
  }
}

/**
 * Where a socket puts what it reads, again and again: a new buffer for every read, as streams take
 * them, would make the garbage collector run more than everything else.
 */
class ReusedBuffer implements OnReadOpts {
  #bytes = Buffer.allocUnsafeSlow(readBytes.first)
  onBytes: (bytes: Buffer) => void = () => {}

  readonly buffer = (): Buffer => this.#bytes

  readonly callback = (count: number): boolean => {
    const bytes = this.#bytes
    // Grown beforehand: who pauses the socket still looks at what came.
    if (count === bytes.length && count < readBytes.max)
      this.#bytes = Buffer.allocUnsafeSlow(4 * count)
    this.onBytes(bytes.subarray(0, count))
    return true
  }
}

async function listen(
  address: Address,
  onConnection: (wire: Wire, remote: Address) => void,
): Promise<Listener> {
  // With the lowest bound a socket that is paused reads once more at the most, however small the parts are.
  const server = createServer({ noDelay: true, highWaterMark: 1 }, (socket) => {
    tune(socket)
    onConnection(wireOf(socket), {
      host: plainHost(socket.remoteAddress),
      port: socket.remotePort ?? 0,
    })
  })
  // Those beyond `connectionsMax` are told so before they are turned away.
  server.maxConnections = limits.connectionsMax + limits.connectionsTurnedAwayMax
  server.listen({ ...address, backlog: 1_024 })
  try {
    await once(server, 'listening')
  } catch (cause) {
    if (systemErrorCode(cause) === 'EADDRINUSE')
      throw new AppError(
        'ADDRESS_IN_USE',
        { address: formatAddress(address), flag: '--port' },
        { cause },
      )
    throw dialError(address, cause)
  }
  // A connection that could not be accepted, as without memory, must not end the process.
  server.on('error', () => {})
  return { address: boundAddress(server, address), [Symbol.asyncDispose]: () => close(server) }
}

function boundAddress(server: Server, asked: Address): Address {
  const bound = server.address()
  return bound !== null && typeof bound === 'object'
    ? { host: asked.host, port: bound.port }
    : asked
}

/** The door is shut at once. Open connections have their own owners and are not waited for. */
async function close(server: Server): Promise<void> {
  if (server.listening) server.close()
}

/** An IPv4 client of a dual-stack socket shows as ::ffff:192.0.2.1. */
function plainHost(host: string | undefined): string {
  return host?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown'
}

export const tcpTransport: Transport = { dial, listen }
