import { X509Certificate } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Random } from '../random.ts'
import type { AuthorityRow, AuthorityStore, MemberRow } from './authority-store.ts'
import { tokenRoles } from './cluster-role.ts'
import { authorityDigest } from './read-certificate.ts'
import { parseTrust, type Revocation, type SignedTrust, signTrust, type Trust } from './trust.ts'
import { crossSign, makeAuthority } from './x509.ts'

const dayMs = 24 * 3_600_000
/** How long an authority's certificate is valid. */
const authorityMs = 20 * 365 * dayMs

/**
 * Whom a cluster trusts, as its authority keeps it: who is revoked, and the authority's own keys, one of which
 * may be replacing the other.
 */
export class TrustKeeper {
  readonly #store: AuthorityStore
  readonly #clock: Clock
  readonly #random: Random

  constructor(
    store: AuthorityStore,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#store = store
    this.#clock = clock
    this.#random = random
  }

  /** Makes the keys of a new cluster, unless there are some. @param authorityId the member that has the authority */
  async found(authorityId: string): Promise<void> {
    const made = await makeAuthority(this.#validity, this.#random)
    const digest = authorityDigest(new X509Certificate(made.certificate))
    const trust = {
      cluster: digest.slice(0, 16),
      number: 1,
      authorities: [made.certificate],
      issuer: digest,
      authorityId,
      revoked: [],
    }
    this.#store.transaction(() => {
      // The authority of a cluster whose own identity was not written, or is lost, gets another.
      if (this.#store.authorities().length > 0) return
      this.#store.addAuthority({ ...made, digest, cross: undefined })
      this.#store.putTrust(1, JSON.stringify(signTrust(trust, [made])))
    })
  }

  /** The newest trust document. @throws AppError IDENTITY_UNUSABLE if there is none */
  get signed(): SignedTrust {
    const text = this.#store.signedTrust()
    if (text === undefined) throw new AppError('IDENTITY_UNUSABLE', incomplete)
    return JSON.parse(text) as SignedTrust
  }

  /** What it says. @throws AppError IDENTITY_UNUSABLE if there is none */
  get current(): Trust {
    const trust = parseTrust(this.signed.text)
    if (trust === undefined) throw new AppError('IDENTITY_UNUSABLE', incomplete)
    return trust
  }

  /** The key that issues certificates now. @throws AppError IDENTITY_UNUSABLE if there is none */
  get issuer(): AuthorityRow {
    const newest = this.#store.authorities().at(-1)
    if (newest === undefined) throw new AppError('IDENTITY_UNUSABLE', incomplete)
    return newest
  }

  /** Certificates of the authority that prove certificates of its key to members that trust an earlier one. */
  get chain(): readonly string[] {
    const { cross, certificate } = this.issuer
    return cross === undefined
      ? [certificate]
      : [cross, ...this.#store.authorities().slice(0, -1).map(certificateOf)]
  }

  /** Says which member has the authority, if that was not said before. @param authorityId its id */
  sayWhoHasIt(authorityId: string): void {
    if (this.current.authorityId === authorityId) return
    this.#store.transaction(() => this.#publish({ ...this.current, authorityId }))
  }

  /** Revokes the certificates of these generations and before. @throws AppError TOO_MANY_REVOKED */
  revokeThrough(members: readonly MemberRow[]): SignedTrust {
    const { current } = this
    const ids = new Set(members.map(({ id }) => id))
    const others = current.revoked.filter((one) => !ids.has(one.id) && this.#isNeeded(one))
    if (others.length + members.length > limits.revocationsMax)
      throw new AppError('TOO_MANY_REVOKED', { max: limits.revocationsMax })
    const these = members.map(({ id, generation }) => ({ id, throughGeneration: generation }))
    return this.#publish({ ...current, revoked: [...others, ...these] })
  }

  /**
   * Takes over a later trust document than its own, which members know when the database was restored from a
   * backup.
   * @returns whether it was later
   */
  adopt(trust: Trust): boolean {
    const own = this.current
    if (trust.number <= own.number || trust.cluster !== own.cluster) return false
    this.#store.transaction(() => {
      const revoked = [...own.revoked]
      for (const one of trust.revoked) {
        const known = revoked.findIndex(({ id }) => id === one.id)
        if (known === -1) revoked.push(one)
        else if ((revoked[known]?.throughGeneration ?? 0) < one.throughGeneration)
          revoked[known] = one
        const member = this.#store.member(one.id)
        if (member === undefined || member.generation > one.throughGeneration) continue
        this.#store.markRevoked(one.id)
        this.#store.revokeTokensOf(one.id, tokenRoles, undefined)
      }
      this.#publish({ ...own, number: trust.number, revoked })
    })
    return true
  }

  /**
   * Begins to replace the authority by a new one. Both are trusted until each member has shown a certificate
   * of the new one, or until {@link endRotation}.
   * @throws AppError ROTATION_RUNS
   */
  async rotate(): Promise<SignedTrust> {
    const old = this.issuer
    const validity = this.#validity
    const made = await makeAuthority(validity, this.#random)
    const cross = await crossSign(made, old, validity, this.#random)
    const digest = authorityDigest(new X509Certificate(made.certificate))
    return this.#store.transaction(() => {
      if (this.#isRotating) throw new AppError('ROTATION_RUNS')
      this.#store.addAuthority({ ...made, digest, cross })
      const authorities = [old.certificate, made.certificate]
      return this.#publish({ ...this.current, authorities, issuer: digest })
    })
  }

  /**
   * Ends to trust the authority that is being replaced. Members without a certificate of the new one must
   * join again.
   * @throws AppError NO_ROTATION
   */
  endRotation(): SignedTrust {
    return this.#store.transaction(() => {
      if (!this.#isRotating) throw new AppError('NO_ROTATION')
      return this.#endRotation()
    })
  }

  /**
   * Ends a replacement that no member needs any more. A certificate that was issued may not have arrived: only
   * one that was shown counts.
   * @param issuerShownBy the name of the issuer of the certificate that a member has shown last
   * @returns whether it has ended now
   */
  finishRotation(issuerShownBy: (id: string) => string | undefined): boolean {
    if (!this.#isRotating) return false
    return this.#store.transaction(() => {
      const { digest, certificate } = this.issuer
      const { nowMs } = this.#validity
      const { subject } = new X509Certificate(certificate)
      const isWaiting = ({ id, issuer, expiresMs, isRevoked, isAuthority }: MemberRow): boolean =>
        !isRevoked &&
        expiresMs > nowMs &&
        (issuer !== digest || (!isAuthority && issuerShownBy(id) !== subject))
      if (!this.#isRotating || this.#store.members().some(isWaiting)) return false
      this.#endRotation()
      return true
    })
  }

  get #isRotating(): boolean {
    return this.#store.authorities().length > 1
  }

  get #validity(): { readonly nowMs: number; readonly forMs: number } {
    return { nowMs: Math.floor(this.#clock.nowMs()), forMs: authorityMs }
  }

  /** A revocation matters until the certificate would have expired, on all clocks. */
  #isNeeded({ id }: Revocation): boolean {
    const member = this.#store.member(id)
    return member === undefined || member.expiresMs + dayMs > this.#clock.nowMs()
  }

  #endRotation(): SignedTrust {
    const { digest, certificate } = this.issuer
    const { current } = this
    // Certificates of the authority before it are worth nothing then, revoked or not.
    const revoked = current.revoked.filter(({ id }) => this.#store.member(id)?.issuer === digest)
    // Signed by both: members may know only the one before.
    const signed = this.#publish({
      ...current,
      authorities: [certificate],
      issuer: digest,
      revoked,
    })
    this.#store.keepAuthority(digest)
    return signed
  }

  /** Makes the next trust document. */
  #publish(trust: Trust): SignedTrust {
    const number = trust.number + 1
    const signed = signTrust({ ...trust, number }, this.#store.authorities())
    this.#store.putTrust(number, JSON.stringify(signed))
    return signed
  }
}

const incomplete = { folder: 'of the authority', reason: 'its database is incomplete' }

const certificateOf = ({ certificate }: AuthorityRow): string => certificate
