import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import type { Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { AppError, reasonOf, systemErrorCode } from '../errors.ts'
import { deadlines } from '../limits.ts'
import type { Log } from '../log.ts'
import { connect as connectTo } from '../protocol/client.ts'
import { dialError } from '../protocol/tcp-sockets.ts'
import { tcpTransport } from '../protocol/tcp-transport.ts'
import { alpn } from '../protocol/tls-transport.ts'
import { type Address, formatAddress, type Wire, wireOf } from '../protocol/transport.ts'
import { joiningKey, readIdentityFiles, writeJoined } from './identity-files.ts'
import type { JoinToken } from './join-token.ts'
import { authorityDigest, type ReadCertificate, readCertificate } from './read-certificate.ts'

/** What a process joins with. */
export interface JoinOptions {
  readonly token: JoinToken
  readonly id: string
  /** Names and addresses under which it is reached over HTTPS. */
  readonly names: readonly string[]
  /** Where the identity is kept; an earlier one gives its key. */
  readonly folder: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Joins the cluster of a token: verifies that the process at its address has the key that the token names,
 * then sends the secret, and keeps the certificate that it gets.
 * @throws AppError DIAL_FAILED, AUTHORITY_UNPROVEN, JOIN_REFUSED, MEMBER_EXISTS, TOO_MANY_ATTEMPTS,
 *   DISK_FULL, DISK_FAILED, and the authority's other errors
 */
export async function joinCluster(
  { token, id, names, folder, signal }: JoinOptions,
  dependencies: { readonly clock: Clock; readonly log: Log },
): Promise<void> {
  const what = `Connecting to ${formatAddress(token.address)}`
  const dialled = await withDeadline(
    { what, deadlineMs: deadlines.dialMs, signal },
    dependencies.clock,
    (inTime) => dialAuthority(token, dependencies.clock.nowMs(), inTime),
  )
  try {
    const { key, request } = await requestFor(id, folder)
    const { connection } = await connectTo(
      {
        transport: tcpTransport,
        wire: dialled.wire,
        address: token.address,
        role: dialled.isIndex ? 'index' : 'peer',
        hello: { role: 'client' },
        signal,
      },
      dependencies,
    )
    const asked = { secret: token.secret, id, request, names: [...names] }
    const { certificate, trust } = await connection.request('join-cluster', asked, { signal })
    const joinedAt = formatAddress(token.address)
    await writeJoined(folder, { key, chain: certificate, signedTrust: trust, joinedAt })
  } finally {
    dialled.wire.stream.destroy()
  }
}

/** A request for a certificate, and its key: that of an earlier identity in the folder, or of an attempt to join. */
async function requestFor(id: string, folder: string): Promise<{ key: string; request: string }> {
  const { makeRequest } = await import('./x509.ts')
  const known = await readIdentityFiles(folder)
  const key = known?.key ?? (await joiningKey(folder, async () => (await makeRequest(id)).key))
  return await makeRequest(id, key)
}

/** Connects without a certificate, and verifies that the other side is the authority of the token. */
async function dialAuthority(
  { address, authority }: JoinToken,
  nowMs: number,
  signal: AbortSignal,
): Promise<{ readonly wire: Wire; readonly isIndex: boolean }> {
  const socket = connect({
    ...address,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [alpn.joiners],
    // Verified below: the token says whom to trust.
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  })
  try {
    await once(socket, 'secureConnect', { signal })
    // Until the connection listens, the key is read, or made.
    socket.on('error', () => {})
    const { identity, validToMs } = provenAuthority(socket, authority, address)
    if (nowMs >= validToMs) {
      const reason =
        'its certificate has expired; if it should not have, compare the clocks of both machines'
      throw new AppError('AUTHORITY_UNPROVEN', { address: formatAddress(address), reason })
    }
    return { wire: { ...wireOf(socket), proven: identity }, isIndex: identity.role === 'index' }
  } catch (error) {
    socket.destroy()
    signal.throwIfAborted()
    if (error instanceof AppError) throw error
    if (systemErrorCode(error)?.startsWith('ERR_SSL') !== true) throw dialError(address, error)
    const reason = 'it does not speak TLS 1.3, so it belongs to no secured cluster'
    throw new AppError('DIAL_FAILED', { address: formatAddress(address), reason }, { cause: error })
  }
}

/**
 * TLS has proven that the other side has the key of its certificate; the key that the token names must have
 * signed it, for the process that has the authority.
 * @throws AppError AUTHORITY_UNPROVEN
 */
function provenAuthority(socket: TLSSocket, digest: string, address: Address): ReadCertificate {
  const unproven = (reason: string): AppError =>
    new AppError('AUTHORITY_UNPROVEN', { address: formatAddress(address), reason })
  const certificate = socket.getPeerX509Certificate()
  const issuer = issuerOf(socket)
  const read = certificate && readCertificate(certificate)
  if (certificate === undefined || issuer === undefined || read === undefined)
    throw unproven('it shows no certificate of a cluster')
  if (authorityDigest(issuer) !== digest) throw unproven('its authority has another key')
  try {
    if (!certificate.verify(issuer.publicKey)) throw unproven('its certificate is forged')
  } catch (error) {
    throw error instanceof AppError ? error : unproven(reasonOf(error))
  }
  if (!read.identity.isAuthority) throw unproven('it is a member of the cluster, not its authority')
  return read
}

/** The certificate that the other side sent as that of its issuer. */
function issuerOf(socket: TLSSocket): X509Certificate | undefined {
  const { issuerCertificate: issuer } = socket.getPeerCertificate(
    true,
  ) as Partial<DetailedPeerCertificate>
  return issuer && new X509Certificate(issuer.raw)
}
