import { createHash, X509Certificate } from 'node:crypto'
import { type NamedIdentity, parseIdentityUri } from './cluster-role.ts'

/** What Tandem needs to know of a certificate. */
export interface ReadCertificate {
  readonly identity: NamedIdentity
  /** The name of the authority that issued it; no two authorities have the same. */
  readonly issuer: string
  readonly validFromMs: number
  readonly validToMs: number
}

/** Reads a certificate of a member; undefined if it names no identity. */
export function readCertificate(certificate: X509Certificate): ReadCertificate | undefined {
  const names = certificate.subjectAltName?.split(', ') ?? []
  const uris = names.filter((name) => name.startsWith('URI:'))
  const [uri] = uris
  const identity = uri === undefined ? undefined : parseIdentityUri(uri.slice('URI:'.length))
  if (identity === undefined || uris.length > 1 || certificate.ca) return undefined
  const { issuer, validFromDate, validToDate } = certificate
  const validity = { validFromMs: validFromDate.getTime(), validToMs: validToDate.getTime() }
  return { identity, issuer, ...validity }
}

/** The certificates in a PEM text, in order. @throws if one cannot be read */
export function certificatesIn(pem: string): X509Certificate[] {
  return pemBlocks(pem, 'CERTIFICATE').map((block) => new X509Certificate(block))
}

/** The blocks of one kind in a PEM text, each with its markers. */
export function pemBlocks(pem: string, kind: string): string[] {
  const pattern = new RegExp(`-----BEGIN ${kind}-----[^-]+-----END ${kind}-----`, 'g')
  return [...pem.matchAll(pattern)].map(([block]) => block)
}

/** By which an authority is known: SHA-256 of its public key, in hexadecimal digits. */
export function authorityDigest(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('hex')
}
