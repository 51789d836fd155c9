import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { Socket, SocketConstructorOpts, TcpSocketConnectOpts } from 'node:net'
import type { DuplexOptions } from 'node:stream'
import {
  type ConnectionOptions,
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from 'node:tls'
import { LRUCache } from 'lru-cache'
import type { Cancel, Clock } from '../clock.ts'
import { AppError, reasonOf, systemErrorCode } from '../errors.ts'
import { joinerIdentity, type NamedIdentity } from '../identity/cluster-role.ts'
import type { NodeIdentity } from '../identity/node-identity.ts'
import { type ReadCertificate, readCertificate } from '../identity/read-certificate.ts'
import { deadlines } from '../limits.ts'
import type { Log } from '../log.ts'
import { PendingHandshakes } from './pending-handshakes.ts'
import { RecordBuffer } from './record-buffer.ts'
import { boundAddress, close, dialError, listening, plainHost, tune } from './tcp-sockets.ts'
import {
  type Address,
  formatAddress,
  type Listener,
  type Transport,
  type Wire,
  wireOf,
} from './transport.ts'

/** Protocols of a connection, negotiated during the handshake (ALPN, RFC 7301). */
export const alpn = { members: 'tandem/1', joiners: 'tandem-join/1' } as const

/** Servers whose sessions are kept, to connect to them again without a whole handshake. */
const sessionsMax = 1_024
/** The one that RFC 8446 requires comes first: with 128 bits, it costs the least. */
const ciphers = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256'
/** How long a session can be resumed, in seconds. */
const sessionSeconds = 3_600
/** How often connections with expired certificates are looked for. */
const expiryLookMs = 600_000

/** What TLS needs of the process's identity. */
export type TlsIdentity = Pick<
  NodeIdentity,
  'credentials' | 'isWelcome' | 'isRevoked' | 'onChange' | 'trust' | 'signedTrust' | 'accept'
>

interface Dependencies {
  readonly clock: Clock
  readonly log: Log
}

/** Options of `node:net` that {@link connect} passes on. */
type DialledSocket = Pick<TcpSocketConnectOpts, 'autoSelectFamily'> &
  Pick<SocketConstructorOpts, 'onread'> &
  Pick<DuplexOptions, 'highWaterMark'>

/** A session of an earlier connection, and who answered there. */
interface KeptSession {
  readonly session: Buffer
  readonly certificate: ReadCertificate
}

/** An open wire of a member. */
interface Tracked {
  readonly certificate: ReadCertificate
  readonly socket: TLSSocket
}

/**
 * TCP with TLS 1.3 and certificates of both sides. Each wire states who the other side has proven to be;
 * wires of members that are revoked later are closed.
 */
export class TlsTransport implements Transport, Disposable {
  readonly trusts: TlsIdentity
  readonly #identity: TlsIdentity
  readonly #clock: Clock
  readonly #log: Log
  readonly #sessions = new LRUCache<string, KeptSession>({ max: sessionsMax })
  readonly #tracked = new Set<Tracked>()
  /** By the id of a member, who issued the certificate that it has shown last. */
  readonly #issuers = new Map<string, string>()
  readonly #servers = new Set<Server>()
  /** Reading keys and certificates takes longer than a handshake with a kept session. */
  #dialContext: SecureContext | undefined
  readonly #stopWatching: Cancel
  #stopLooking: Cancel = () => {}

  constructor(identity: TlsIdentity, { clock, log }: Dependencies) {
    this.trusts = identity
    this.#identity = identity
    this.#clock = clock
    this.#log = log
    this.#stopWatching = identity.onChange(() => this.#onChange())
    this.#closeExpiredLater()
  }

  async dial(address: Address, options: { signal?: AbortSignal }): Promise<Wire> {
    options.signal?.throwIfAborted()
    const where = formatAddress(address)
    const kept = this.#sessions.get(where)
    const reading = new RecordBuffer()
    const dialled: ConnectionOptions & DialledSocket = {
      ...address,
      onread: reading,
      highWaterMark: 1,
      secureContext: (this.#dialContext ??= createSecureContext(this.#secureOptions())),
      minVersion: 'TLSv1.3',
      ALPNProtocols: [alpn.members],
      autoSelectFamily: true,
      // Members are known by their ids, not by the names of their hosts.
      checkServerIdentity: () => undefined,
      ...(kept !== undefined && { session: kept.session }),
    }
    const socket = connect(dialled)
    const wire = reading.wireOf(socket)
    tune(socket)
    try {
      await once(socket, 'secureConnect', options)
      // Members answer HTTPS with the same certificate.
      if (socket.alpnProtocol !== alpn.members) throw refused(reasons.otherProtocol)
      const certificate = socket.isSessionReused() ? kept?.certificate : certificateOf(socket)
      const identity = this.#check(certificate)
      this.#keepSessions(where, socket, certificate)
      this.#track(certificate, socket)
      return { ...wire, proven: identity }
    } catch (error) {
      this.#sessions.delete(where)
      socket.destroy()
      options.signal?.throwIfAborted()
      throw tlsDialError(address, error)
    }
  }

  async listen(
    address: Address,
    onConnection: (wire: Wire, remote: Address) => void,
  ): Promise<Listener> {
    const server = createServer({
      ...this.#secureOptions(),
      requestCert: true,
      // Those without a certificate are told why they are refused, or ask for one.
      rejectUnauthorized: false,
      handshakeTimeout: deadlines.dialMs,
      sessionTimeout: sessionSeconds,
      noDelay: true,
      highWaterMark: 1,
      ALPNCallback: ({ protocols }) =>
        protocols.find((name) => name === alpn.members || name === alpn.joiners),
    })
    const pending = new PendingHandshakes()
    server.on('connection', (socket: Socket) => pending.add(socket))
    server.on('secureConnection', (socket) => {
      pending.ended(socket)
      tune(socket)
      const remote = { host: plainHost(socket.remoteAddress), port: socket.remotePort ?? 0 }
      onConnection(this.#accepted(socket), remote)
    })
    server.on('tlsClientError', (error, socket) => {
      const reason = handshakeReasons[systemErrorCode(error) ?? ''] ?? reasonOf(error)
      const remote = plainHost(socket.remoteAddress)
      this.#log.debug({ remote, reason }, 'refused a connection during its handshake')
      socket.destroy()
    })
    await listening(server, address)
    this.#servers.add(server)
    return {
      address: boundAddress(server, address),
      [Symbol.asyncDispose]: async () => {
        this.#servers.delete(server)
        await close(server)
      },
    }
  }

  /** The name of the authority that issued the certificate that a member has shown last, since the start. */
  issuerShownBy(id: string): string | undefined {
    return this.#issuers.get(id)
  }

  [Symbol.dispose](): void {
    this.#stopWatching()
    this.#stopLooking()
  }

  #accepted(socket: TLSSocket): Wire {
    const wire = wireOf(socket)
    if (socket.alpnProtocol === alpn.joiners) return { ...wire, proven: joinerIdentity }
    try {
      if (socket.alpnProtocol !== alpn.members) throw refused(reasons.otherProtocol)
      // Of a resumed session without a certificate, TLS states that it is authorized.
      if (socket.getPeerX509Certificate() === undefined) throw new AppError('CERTIFICATE_REQUIRED')
      if (!socket.authorized) throw refused(authorizationReason(socket))
      const certificate = certificateOf(socket)
      const identity = this.#check(certificate)
      this.#track(certificate, socket)
      return { ...wire, proven: identity }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      return { ...wire, refusal: error }
    }
  }

  /** The identity of a certificate that TLS has verified. @throws AppError CERTIFICATE_REFUSED */
  #check(certificate: ReadCertificate | undefined): NamedIdentity {
    if (certificate === undefined) throw refused('it names no member of a cluster')
    const { identity, validFromMs, validToMs } = certificate
    const nowMs = this.#clock.nowMs()
    if (nowMs < validFromMs) throw refused(reasons.notYetValid)
    if (nowMs >= validToMs) throw refused(reasons.expired)
    if (this.#identity.isRevoked(identity)) throw refused(`${identity.id} was revoked`)
    if (!this.#identity.isWelcome(identity)) throw refused(reasons.otherCluster)
    return identity
  }

  #secureOptions(): SecureContextOptions {
    const { key, cert, ca } = this.#identity.credentials
    return { key, cert, ca: [...ca], minVersion: 'TLSv1.3', ciphers }
  }

  #keepSessions(where: string, socket: TLSSocket, certificate: ReadCertificate | undefined): void {
    if (certificate === undefined) return
    socket.on('session', (session) => this.#sessions.set(where, { session, certificate }))
  }

  #track(certificate: ReadCertificate | undefined, socket: TLSSocket): void {
    if (certificate === undefined) return
    const tracked = { certificate, socket }
    this.#tracked.add(tracked)
    this.#issuers.set(certificate.identity.id, certificate.issuer)
    socket.once('close', () => this.#tracked.delete(tracked))
  }

  /** Sessions were made with certificates or authorities that may be trusted no longer. */
  #onChange(): void {
    this.#sessions.clear()
    this.#dialContext = undefined
    for (const server of this.#servers) server.setSecureContext(this.#secureOptions())
    const { ca } = this.#identity.credentials
    const authorities = new Set(ca.map((pem) => new X509Certificate(pem).subject))
    for (const { certificate, socket } of this.#tracked) {
      // With an authority that is replaced, its certificates end, and revocations of these are forgotten.
      const isTrusted = authorities.has(certificate.issuer)
      if (!isTrusted || this.#identity.isRevoked(certificate.identity)) socket.destroy()
    }
  }

  /** A member that stays connected renews its certificate like any other. */
  #closeExpiredLater(): void {
    this.#stopLooking = this.#clock.after(expiryLookMs, () => {
      const nowMs = this.#clock.nowMs()
      for (const { certificate, socket } of this.#tracked)
        if (nowMs >= certificate.validToMs) socket.destroy()
      this.#closeExpiredLater()
    })
  }
}

/** Why certificates are refused; clocks are the usual reason of the first two. */
const reasons = {
  expired: 'it has expired; if it should not have, compare the clocks of both machines',
  notYetValid: 'it is not valid yet; compare the clocks of both machines',
  otherCluster: 'it is of another cluster',
  otherProtocol: 'the connection is for another protocol',
} as const

/** Codes of OpenSSL's verification. */
const verifyReasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: reasons.expired,
  CERT_NOT_YET_VALID: reasons.notYetValid,
  DEPTH_ZERO_SELF_SIGNED_CERT: reasons.otherCluster,
  SELF_SIGNED_CERT_IN_CHAIN: reasons.otherCluster,
  UNABLE_TO_GET_ISSUER_CERT: reasons.otherCluster,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: reasons.otherCluster,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: reasons.otherCluster,
  CERT_SIGNATURE_FAILURE: reasons.otherCluster,
}

/** Codes of failed handshakes. */
const handshakeReasons: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS: it belongs to no secured cluster',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it offers no TLS 1.3',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'it accepts no TLS 1.3',
  ERR_SSL_NO_APPLICATION_PROTOCOL: 'it speaks another protocol',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'it speaks another protocol',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it does not speak TLS: it belongs to no secured cluster',
  ECONNRESET: 'it closed the connection during the handshake',
}

function refused(reason: string): AppError {
  return new AppError('CERTIFICATE_REFUSED', { reason })
}

function authorizationReason({ authorizationError }: TLSSocket): string {
  // An error, by its type; in fact its code.
  const code = String(authorizationError)
  return verifyReasons[code] ?? code
}

function certificateOf(socket: TLSSocket): ReadCertificate | undefined {
  const certificate = socket.getPeerX509Certificate()
  return certificate && readCertificate(certificate)
}

function tlsDialError(address: Address, error: unknown): AppError {
  if (error instanceof AppError) {
    const reason = reasonOf(error)
    return new AppError(
      'DIAL_FAILED',
      { address: formatAddress(address), reason },
      { cause: error },
    )
  }
  const code = systemErrorCode(error) ?? ''
  const verify = verifyReasons[code]
  const reason =
    verify === undefined ? handshakeReasons[code] : `its certificate was refused: ${verify}`
  if (reason === undefined) return dialError(address, error)
  return new AppError('DIAL_FAILED', { address: formatAddress(address), reason }, { cause: error })
}
