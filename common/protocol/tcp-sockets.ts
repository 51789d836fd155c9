/** What the transports over TCP share: plain and with TLS. */
import { once } from 'node:events'
import type { OnReadOpts, Server, Socket } from 'node:net'
import { AppError, reasonOf, systemErrorCode } from '../errors.ts'
import { limits } from '../limits.ts'
import { type Address, formatAddress } from './transport.ts'

/** Interval of keep-alive probes on an idle connection: detects a vanished host. */
const keepAliveMs = 30_000
/** Read buffer of a dialled connection: small for messages, large once it carries bulk bytes. */
const readBytes = { first: 16 * 1024, max: 256 * 1024 } as const

const dialReasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ENOTFOUND: 'no host has this name',
  EAI_AGAIN: 'the host name cannot be resolved at the moment',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ECONNRESET: 'it closed the connection immediately',
}

/** Why connecting failed. */
export function dialError(address: Address, cause: unknown): AppError {
  const reason = dialReasons[systemErrorCode(cause) ?? ''] ?? reasonOf(cause)
  return new AppError('DIAL_FAILED', { address: formatAddress(address), reason }, { cause })
}

/** For small messages that wait for answers, and hosts that vanish. */
export function tune(socket: Socket): void {
  socket.setNoDelay(true)
  socket.setKeepAlive(true, keepAliveMs)
}

/**
 * The read buffer of a socket, reused: allocating one per read, as streams do, keeps the garbage
 * collector busier than everything else.
 */
export class ReusedBuffer implements OnReadOpts {
  #bytes = Buffer.allocUnsafeSlow(readBytes.first)
  onBytes: (bytes: Buffer) => void = () => {}

  readonly buffer = (): Buffer => this.#bytes

  readonly callback = (count: number): boolean => {
    const bytes = this.#bytes
    // Grown in advance: the pausing caller still reads the current bytes.
    if (count === bytes.length && count < readBytes.max)
      this.#bytes = Buffer.allocUnsafeSlow(4 * count)
    this.onBytes(bytes.subarray(0, count))
    return true
  }
}

/**
 * Starts to listen. Connections beyond `connectionsMax` are told so before they are closed.
 * @throws AppError ADDRESS_IN_USE, DIAL_FAILED if the address is unavailable
 */
export async function listening(server: Server, address: Address): Promise<void> {
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
  // A connection that could not be accepted, for lack of memory for example, must not end the
  // process.
  server.on('error', () => {})
}

/** The address that a server listens on, with the actual port. */
export function boundAddress(server: Server, asked: Address): Address {
  const bound = server.address()
  return bound !== null && typeof bound === 'object'
    ? { host: asked.host, port: bound.port }
    : asked
}

/** Stops listening immediately. Open connections have their own owners and are not awaited. */
export async function close(server: Server): Promise<void> {
  if (server.listening) server.close()
}

/** Maps an IPv4 client of a dual-stack socket from ::ffff:192.0.2.1. */
export function plainHost(host: string | undefined): string {
  return host?.replace(/^::ffff:(?=\d+\.)/, '') ?? 'unknown'
}
