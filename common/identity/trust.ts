import { createPrivateKey, sign, verify, X509Certificate } from 'node:crypto'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { limits } from '../limits.ts'
import type { ProvenIdentity } from './cluster-role.ts'
import { authorityDigest } from './read-certificate.ts'

const Digest = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Revocation = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 64 }),
  /** This generation of the id, and those before it. */
  throughGeneration: Type.Integer({ minimum: 0, maximum: 999_999_999 }),
})

export type Revocation = Static<typeof Revocation>

/** Whom the members of a cluster trust. Each version has a higher number than the one before. */
const Trust = Type.Object({
  cluster: Type.String({ pattern: '^[0-9a-f]{16}$' }),
  number: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  /** Certificates of the authorities, PEM; more than one while one replaces another. */
  authorities: Type.Array(Type.String({ maxLength: 4_096 }), { minItems: 1, maxItems: 4 }),
  /** The digest of the authority that issues certificates now. */
  issuer: Digest,
  /** The member that has the authority; absent in documents of earlier versions. */
  authorityId: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  revoked: Type.Array(Revocation, { maxItems: limits.revocationsMax }),
})
export type Trust = Static<typeof Trust>

/** A trust document as it is sent and stored: its text, signed by authorities. */
export const SignedTrust = Type.Object({
  text: Type.String({ maxLength: limits.trustBytesMax }),
  signatures: Type.Array(
    Type.Object({
      authority: Digest,
      signature: Type.String({ maxLength: 256, description: 'ECDSA with SHA-256, DER, in base64' }),
    }),
    { minItems: 1, maxItems: 4 },
  ),
})
export type SignedTrust = Static<typeof SignedTrust>

/** An authority's certificate and private key, PEM. */
export interface Signer {
  readonly certificate: string
  readonly key: string
}

export function signTrust(trust: Trust, signers: readonly Signer[]): SignedTrust {
  const text = JSON.stringify(trust)
  const signatures = signers.map(({ certificate, key }) => ({
    authority: authorityDigest(new X509Certificate(certificate)),
    signature: sign('sha256', Buffer.from(text), createPrivateKey(key)).toString('base64'),
  }))
  return { text, signatures }
}

/**
 * Reads a trust document that one of `authorities` (PEM) has signed; undefined if none of them has,
 * or if it is malformed.
 */
export function readTrust(
  { text, signatures }: SignedTrust,
  authorities: readonly string[],
): Trust | undefined {
  const isSigned = authorities.some((pem) => {
    const certificate = new X509Certificate(pem)
    const digest = authorityDigest(certificate)
    return signatures.some(
      ({ authority, signature }) =>
        authority === digest &&
        verify(
          'sha256',
          Buffer.from(text),
          certificate.publicKey,
          Buffer.from(signature, 'base64'),
        ),
    )
  })
  return isSigned ? parseTrust(text) : undefined
}

/** Reads the text of a trust document without verifying it; undefined if it is malformed. */
export function parseTrust(text: string): Trust | undefined {
  try {
    const trust: unknown = JSON.parse(text)
    return Value.Check(Trust, trust) ? trust : undefined
  } catch {
    return undefined
  }
}

/** Whether the identity has been revoked. */
export function isRevoked({ revoked }: Trust, { id, generation }: ProvenIdentity): boolean {
  return revoked.some((one) => one.id === id && generation <= one.throughGeneration)
}
