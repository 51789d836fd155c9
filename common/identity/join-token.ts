import { type Address, formatAddress, parseAddress } from '../protocol/transport.ts'
import { type Random, randomId } from '../random.ts'

/** What a process needs to join a cluster: whom to trust, the secret that lets it in, and where. */
export interface JoinToken {
  /** SHA-256 of the authority's public key, in hexadecimal digits. */
  readonly authority: string
  readonly secret: string
  readonly address: Address
}

const secretBytes = 16
/** The public part of a secret, by which tokens are listed and revoked. */
const idDigits = 8
const pattern = /^tandem-1-([0-9a-f]{64})-([0-9a-f]{32})@(.+)$/

/** A new secret: 128 random bits in hexadecimal digits; the first 32 are the token's id. */
export function newSecret(random: Random): string {
  return randomId(random, secretBytes)
}

/** By which a token is known in lists. */
export function tokenIdOf(secret: string): string {
  return secret.slice(0, idDigits)
}

export function formatJoinToken({ authority, secret, address }: JoinToken): string {
  return `tandem-1-${authority}-${secret}@${formatAddress(address)}`
}

/** Whether a text is meant as a join token, well-formed or not. */
export function isJoinToken(text: string): boolean {
  return text.trim().startsWith('tandem-')
}

/** Parses `tandem-1-<authority>-<secret>@HOST:PORT`; undefined if malformed. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const [, authority, secret, where] = pattern.exec(text.trim()) ?? []
  const address = parseAddress(where ?? '')
  if (authority === undefined || secret === undefined || address === undefined) return undefined
  return { authority, secret, address }
}
