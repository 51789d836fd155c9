/**
 * An HTTP server that speaks TLS. It looks at the first byte of each connection, so that plain HTTP gets
 * an answer instead of a closed connection.
 */
import type { Server, ServerOptions } from 'node:http'
import type { Socket } from 'node:net'
import type { SecureContext, TLSSocket } from 'node:tls'
import type { Cancel, Clock } from './clock.ts'
import { isLoopback } from './hosts.ts'
import { deadlines } from './limits.ts'
import { answerPlainHttp } from './plain-http-answer.ts'

const { Server: HttpServer } = process.getBuiltinModule('node:http')

/** The first byte of a TLS connection: a record of the handshake. */
const handshakeByte = 0x16

/** What HTTPS needs of an identity. */
export interface HttpsIdentity {
  /** PEM; read when they are used: they change. */
  readonly credentials: {
    readonly key: string
    readonly cert: string
    /** The authorities that clients of this process trust. */
    readonly ca: readonly string[]
  }
  onChange(callback: () => void): Cancel
}

/**
 * The identity that a server needs on this host: on loopback none, because every program of the machine
 * may call it, and nothing is sent over a network.
 */
export function httpsIdentityAt<T extends HttpsIdentity>(
  host: string,
  identity: T | undefined,
): T | undefined {
  return isLoopback(host) ? undefined : identity
}

export interface WebServerDependencies {
  readonly clock: Clock
  /** Absent: plain HTTP. */
  readonly identity?: HttpsIdentity | undefined
}

/** An HTTP server, which speaks TLS if there is an identity. */
export function createWebServer(
  options: ServerOptions,
  { clock, identity }: WebServerDependencies,
): Server {
  return identity === undefined
    ? new HttpServer(options)
    : new HttpsServer(options, { clock, identity })
}

/**
 * Like the server of node:https, except that it emits `secured` with the TCP connection and the TLS
 * connection over it, once the handshake is done, and answers plain HTTP.
 */
class HttpsServer extends HttpServer {
  readonly #clock: Clock
  readonly #identity: HttpsIdentity
  /** Makes a TCP connection's TLS connection one of HTTP. */
  readonly #serve: (secured: TLSSocket) => void
  /** Connections without a request yet, which Node does not know. */
  readonly #handshakes = new Set<Socket>()
  #context: SecureContext

  constructor(
    options: ServerOptions,
    { clock, identity }: { clock: Clock; identity: HttpsIdentity },
  ) {
    super(options)
    this.#clock = clock
    this.#identity = identity
    this.#context = contextOf(identity)
    const [serve] = this.listeners('connection')
    this.#serve = (secured) => serve?.call(this, secured)
    this.removeAllListeners('connection')
    this.on('connection', (socket: Socket) => this.#onConnection(socket))
    this.once('close', this.#followRenewals())
  }

  override closeAllConnections(): void {
    for (const socket of this.#handshakes) socket.destroy()
    super.closeAllConnections()
  }

  /** New connections get the current certificate; open ones stay. */
  #followRenewals(): Cancel {
    return this.#identity.onChange(() => {
      this.#context = contextOf(this.#identity)
    })
  }

  #onConnection(socket: Socket): void {
    this.#handshakes.add(socket)
    const cancel = this.#clock.after(deadlines.httpHeadersMs, () => socket.destroy())
    socket.once('close', () => {
      cancel()
      this.#handshakes.delete(socket)
    })
    // Resets of connections that are not served yet.
    socket.on('error', () => socket.destroy())
    socket.once('readable', () => {
      const head = socket.read() as Buffer | null
      if (head === null) return void socket.destroy()
      if (head[0] !== handshakeByte) return answerPlainHttp(socket, head)
      socket.unshift(head)
      this.#secure(socket, cancel)
    })
  }

  #secure(socket: Socket, cancelDeadline: Cancel): void {
    const { TLSSocket: Secured } = process.getBuiltinModule('node:tls')
    const secured = new Secured(socket, {
      isServer: true,
      secureContext: this.#context,
      ALPNProtocols: ['http/1.1'],
    })
    secured.on('error', () => secured.destroy())
    secured.once('secure', () => {
      cancelDeadline()
      this.#handshakes.delete(socket)
      this.emit('secured', socket, secured)
      if (!secured.destroyed) this.#serve(secured)
    })
  }
}

function contextOf({ credentials: { key, cert } }: HttpsIdentity): SecureContext {
  const { createSecureContext } = process.getBuiltinModule('node:tls')
  return createSecureContext({ key, cert, minVersion: 'TLSv1.3' })
}
