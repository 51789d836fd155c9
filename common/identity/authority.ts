import { createHash, timingSafeEqual, X509Certificate } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Random } from '../random.ts'
import {
  type AuthorityRow,
  AuthorityStore,
  type MemberRow,
  type TokenRow,
} from './authority-store.ts'
import {
  type CertifiedRole,
  type NamedIdentity,
  rolesAbove,
  type TokenRole,
  tokenRoles,
} from './cluster-role.ts'
import { type IdentityMaterial, makePrivateFolder } from './identity-files.ts'
import { type JoinToken, newSecret, tokenIdOf } from './join-token.ts'
import { authorityDigest } from './read-certificate.ts'
import { parseTrust, type Revocation, type SignedTrust, signTrust, type Trust } from './trust.ts'
import {
  crossSign,
  issueCertificate,
  makeAuthority,
  makeRequest,
  type ReadRequest,
  readRequest,
} from './x509.ts'

const dayMs = 24 * 3_600_000
/** How long an authority's certificate is valid. */
const authorityMs = 20 * 365 * dayMs
/** How long a certificate of a member is valid. */
const certificateMs = 90 * dayMs
/** Expired tokens are listed for so long. */
const tokensKeptMs = 7 * dayMs

/** A member's certificate, as it is sent to it. */
export interface Issued {
  /** PEM: the member's certificate, then those of the authority. */
  readonly certificate: string
  readonly trust: SignedTrust
}

export interface JoinRequest {
  readonly secret: string
  readonly id: string
  /** A certificate request, PEM. */
  readonly request: string
  /** Names and addresses under which the member is reached over HTTPS. */
  readonly names: readonly string[]
}

/** The state of a cluster, for `tandem cluster status`. */
export interface ClusterOverview {
  readonly cluster: string
  readonly trustNumber: number
  readonly authorities: readonly string[]
  readonly members: readonly MemberRow[]
}

interface Dependencies {
  readonly clock: Clock
  readonly random: Random
}

/** Issues the certificates of a cluster, and decides who may join and who is revoked. */
export class Authority implements Disposable {
  readonly #store: AuthorityStore
  readonly #clock: Clock
  readonly #random: Random

  private constructor(store: AuthorityStore, { clock, random }: Dependencies) {
    this.#store = store
    this.#clock = clock
    this.#random = random
  }

  /** Opens the authority kept in `folder`. @throws AppError DATABASE_UNUSABLE, DATA_IN_USE */
  static open(folder: string, dependencies: Dependencies): Authority {
    return new Authority(new AuthorityStore(folder), dependencies)
  }

  /**
   * Makes a new cluster with its authority in `folder`, or a new identity for the authority there.
   * @param own the process that has the authority
   * @returns the authority, and the identity of that process
   * @throws AppError DATABASE_UNUSABLE, DISK_FULL, DISK_FAILED
   */
  static async create(
    folder: string,
    own: { readonly role: CertifiedRole; readonly id: string; readonly names: readonly string[] },
    dependencies: Dependencies,
  ): Promise<{ readonly authority: Authority; readonly material: IdentityMaterial }> {
    const { clock, random } = dependencies
    await makePrivateFolder(folder)
    const validity = { nowMs: Math.floor(clock.nowMs()), forMs: authorityMs }
    const made = await makeAuthority(validity, random)
    const digest = authorityDigest(new X509Certificate(made.certificate))
    const cluster = digest.slice(0, 16)
    const authority = Authority.open(folder, dependencies)
    const store = authority.#store
    const trust = {
      cluster,
      number: 1,
      authorities: [made.certificate],
      issuer: digest,
      revoked: [],
    }
    store.transaction(() => {
      // The authority of a cluster whose own identity was not written, or is lost, gets another.
      if (store.authorities().length > 0) return
      store.addAuthority({ ...made, digest, cross: undefined })
      store.putTrust(1, JSON.stringify(signTrust(trust, [made])))
    })
    const { key, request } = await makeRequest(own.id)
    const issued = await authority.#issueOwn(request, own)
    const material = { key, chain: issued.certificate, signedTrust: issued.trust }
    return { authority, material }
  }

  /** Changes whenever another process has changed something. */
  get version(): number {
    return this.#store.version
  }

  get signedTrust(): SignedTrust {
    const text = this.#store.signedTrust()
    if (text === undefined) throw new AppError('IDENTITY_UNUSABLE', incomplete)
    return JSON.parse(text) as SignedTrust
  }

  get overview(): ClusterOverview {
    const { cluster, number } = this.#trust
    const authorities = this.#store.authorities().map(({ digest }) => digest)
    return { cluster, trustNumber: number, authorities, members: this.#store.members() }
  }

  /** The digest by which join tokens name this authority. */
  get digest(): string {
    return this.#issuer.digest
  }

  /** Creates a token that lets others join. @returns its secret, which is not kept */
  createToken(options: {
    readonly role: TokenRole
    readonly forMs: number
    readonly usesMax?: number | undefined
  }): string {
    const nowMs = this.#nowMs
    const secret = newSecret(this.#random)
    const token = {
      tokenId: tokenIdOf(secret),
      secretHash: hashOf(secret),
      role: options.role,
      createdMs: nowMs,
      expiresMs: nowMs + options.forMs,
      usesMax: options.usesMax,
    }
    this.#store.transaction(() => {
      this.#store.dropTokens(nowMs - tokensKeptMs)
      if (this.#store.tokens().length >= limits.joinTokensMax)
        throw new AppError('TOO_MANY_TOKENS', { max: limits.joinTokensMax })
      this.#store.addToken(token)
    })
    return secret
  }

  /** Whether peers can join with this token for so long. */
  isValidFor({ authority, secret }: JoinToken, forMs: number): boolean {
    const token = this.#store.token(tokenIdOf(secret))
    if (token === undefined || authority !== this.digest || token.isRevoked) return false
    if (!timingSafeEqual(token.secretHash, hashOf(secret)) || token.usesMax !== undefined)
      return false
    if (token.uses >= limits.membersPerTokenMax / 2) return false
    return token.expiresMs >= this.#nowMs + forMs
  }

  tokens(): TokenRow[] {
    return this.#store.tokens()
  }

  /** The token of a secret, unless it is of no use to anyone. @throws AppError JOIN_REFUSED */
  checkToken(secret: string): TokenRow {
    const token = this.#store.token(tokenIdOf(secret))
    if (token === undefined || !timingSafeEqual(token.secretHash, hashOf(secret)))
      throw new AppError('JOIN_REFUSED', { reason: 'the token is not one of this cluster' })
    if (token.isRevoked) throw new AppError('JOIN_REFUSED', { reason: 'the token was revoked' })
    if (this.#nowMs >= token.expiresMs)
      throw new AppError('JOIN_REFUSED', { reason: 'the token has expired' })
    return token
  }

  /** @throws AppError JOIN_TOKEN_UNKNOWN */
  revokeToken(tokenId: string): void {
    if (!this.#store.revokeToken(tokenId)) throw new AppError('JOIN_TOKEN_UNKNOWN', { tokenId })
  }

  /**
   * Issues the first certificate of a member, or one with another role to its key. If that has fewer rights, its
   * certificates before it are revoked, and the tokens that gave them.
   * @throws AppError JOIN_REFUSED, MEMBER_EXISTS, TOO_MANY_REVOKED, BAD_REQUEST
   */
  async join({
    secret,
    id,
    request,
    names,
  }: JoinRequest): Promise<Issued & { readonly identity: NamedIdentity }> {
    const { keyHash, publicKey } = await this.#readRequest(request)
    const nowMs = this.#nowMs
    const member = this.#store.transaction(() => {
      const { role } = this.#takeToken(secret, { id, keyHash })
      const known = this.#store.member(id)
      const isSame = known?.keyHash === keyHash && !known.isRevoked
      const isExpired = known !== undefined && known.expiresMs < nowMs
      if (known !== undefined && !known.isRevoked && !isSame && !isExpired)
        throw new AppError('MEMBER_EXISTS', { id })
      if (known?.isAuthority === true) throw new AppError('MEMBER_EXISTS', { id })
      const above = rolesAbove(role)
      const isLess = isSame && above.some((one) => one === known.role)
      const revoked = this.#trust.revoked.find((one) => one.id === id)
      const before = Math.max(known?.generation ?? 0, revoked?.throughGeneration ?? 0)
      const generation = isSame && !isLess ? known.generation : before + 1
      const joinedMs = isSame ? known.joinedMs : nowMs
      const issued = {
        issuedMs: nowMs,
        expiresMs: nowMs + certificateMs,
        issuer: this.#issuer.digest,
      }
      const joined = { id, role, generation, keyHash, joinedMs, ...issued, isAuthority: false }
      this.#store.putMember(joined)
      if (isLess) {
        this.#store.revokeTokensOf(id, above)
        this.#revokeThrough([known])
      }
      return joined
    })
    const { role, generation } = member
    const identity = { cluster: this.#trust.cluster, role, id, generation, isAuthority: false }
    return { ...(await this.#issue(publicKey, identity, names)), identity }
  }

  /**
   * Issues a new certificate for the same key.
   * @throws AppError CERTIFICATE_REFUSED if the member is unknown, revoked, or has another key; BAD_REQUEST
   */
  async renew(
    proven: NamedIdentity,
    { request, names }: Omit<JoinRequest, 'secret' | 'id'>,
  ): Promise<Issued> {
    const { keyHash, publicKey } = await this.#readRequest(request)
    const { id, generation } = proven
    const nowMs = this.#nowMs
    const role = this.#store.transaction(() => {
      const known = this.#store.member(id)
      if (
        known === undefined ||
        known.isRevoked ||
        known.generation !== generation ||
        known.keyHash !== keyHash
      )
        throw new AppError('CERTIFICATE_REFUSED', { reason: 'the authority has no such member' })
      const issuer = this.#issuer.digest
      this.#store.putMember({ ...known, issuedMs: nowMs, expiresMs: nowMs + certificateMs, issuer })
      return known.role as CertifiedRole
    })
    return await this.#issue(publicKey, { ...proven, role }, names)
  }

  /** A new certificate for the process that has the authority. */
  async renewOwn(
    proven: NamedIdentity,
    request: string,
    names: readonly string[],
  ): Promise<Issued> {
    return await this.#issueOwn(request, { ...proven, names })
  }

  /**
   * Revokes all certificates of a member, and the tokens that it has joined with, which it knows.
   * @throws AppError MEMBER_UNKNOWN, MEMBER_IS_AUTHORITY, TOO_MANY_REVOKED
   */
  revoke(id: string): SignedTrust {
    return this.#store.transaction(() => {
      const member = this.#store.member(id)
      if (member === undefined) throw new AppError('MEMBER_UNKNOWN', { id })
      if (member.isAuthority) throw new AppError('MEMBER_IS_AUTHORITY', { id })
      return this.#revokeMembers([member])
    })
  }

  /**
   * Revokes a token with all members whose keys have joined with it, and the other tokens that they know.
   * @returns the ids of these members
   * @throws AppError JOIN_TOKEN_UNKNOWN, TOO_MANY_REVOKED
   */
  revokeJoinedWith(tokenId: string): string[] {
    return this.#store.transaction(() => {
      this.revokeToken(tokenId)
      const members = this.#store.membersOfToken(tokenId).filter(({ isRevoked }) => !isRevoked)
      if (members.length > 0) this.#revokeMembers(members)
      return members.map(({ id }) => id)
    })
  }

  /**
   * Begins to replace the authority by a new one. Both are trusted until each member has shown a certificate
   * of the new one, or until {@link endRotation}.
   * @throws AppError ROTATION_RUNS
   */
  async rotate(): Promise<SignedTrust> {
    const old = this.#issuer
    const validity = { nowMs: this.#nowMs, forMs: authorityMs }
    const made = await makeAuthority(validity, this.#random)
    const cross = await crossSign(made, old, validity, this.#random)
    const digest = authorityDigest(new X509Certificate(made.certificate))
    return this.#store.transaction(() => {
      if (this.#store.authorities().length > 1) throw new AppError('ROTATION_RUNS')
      this.#store.addAuthority({ ...made, digest, cross })
      const authorities = [old.certificate, made.certificate]
      return this.#publish({ ...this.#trust, authorities, issuer: digest })
    })
  }

  /**
   * Ends to trust the authority that is being replaced. Members without a certificate of the new one must
   * join again.
   * @throws AppError NO_ROTATION
   */
  endRotation(): SignedTrust {
    return this.#store.transaction(() => {
      if (this.#store.authorities().length < 2) throw new AppError('NO_ROTATION')
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
    if (this.#store.authorities().length < 2) return false
    return this.#store.transaction(() => {
      const { digest, certificate } = this.#issuer
      const nowMs = this.#nowMs
      const { subject } = new X509Certificate(certificate)
      const isWaiting = ({ id, issuer, expiresMs, isRevoked, isAuthority }: MemberRow): boolean =>
        !isRevoked &&
        expiresMs > nowMs &&
        (issuer !== digest || (!isAuthority && issuerShownBy(id) !== subject))
      if (this.#store.authorities().length < 2 || this.#store.members().some(isWaiting))
        return false
      this.#endRotation()
      return true
    })
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]()
  }

  get #nowMs(): number {
    return Math.floor(this.#clock.nowMs())
  }

  get #issuer(): AuthorityRow {
    const newest = this.#store.authorities().at(-1)
    if (newest === undefined) throw new AppError('IDENTITY_UNUSABLE', incomplete)
    return newest
  }

  get #trust(): Trust {
    const trust = parseTrust(this.signedTrust.text)
    if (trust === undefined) throw new AppError('IDENTITY_UNUSABLE', incomplete)
    return trust
  }

  /** The role that the token gives; counts the use. @throws AppError JOIN_REFUSED */
  #takeToken(secret: string, { id, keyHash }: { id: string; keyHash: string }): TokenRow {
    const token = this.checkToken(secret)
    // The answer to the first attempt may have been lost.
    if (this.#store.hasUsed(token.tokenId, id, keyHash)) return token
    if (token.usesMax !== undefined && token.uses >= token.usesMax)
      throw new AppError('JOIN_REFUSED', { reason: 'the token has been used' })
    const max = limits.membersPerTokenMax
    if (token.uses >= max)
      throw new AppError('JOIN_REFUSED', { reason: `the token has been used ${max} times` })
    this.#store.addUse(token.tokenId, id, keyHash, this.#nowMs)
    return token
  }

  async #readRequest(pem: string): Promise<ReadRequest> {
    const read = await readRequest(pem)
    const reason = 'is not a certificate request for a P-256 key'
    if (read === undefined) throw new AppError('BAD_REQUEST', { path: '/request', reason })
    return read
  }

  async #issueOwn(
    request: string,
    { role, id, names }: { role: CertifiedRole; id: string; names: readonly string[] },
  ): Promise<Issued> {
    const { keyHash, publicKey } = await this.#readRequest(request)
    const nowMs = this.#nowMs
    const { digest: issuer } = this.#issuer
    const joinedMs = this.#store.member(id)?.joinedMs ?? nowMs
    const member = { id, role, generation: 1, keyHash, joinedMs, issuer, isAuthority: true }
    this.#store.putMember({ ...member, issuedMs: nowMs, expiresMs: nowMs + certificateMs })
    const { cluster } = this.#trust
    const identity = { cluster, role, id, generation: 1, isAuthority: true }
    return await this.#issue(publicKey, identity, names)
  }

  async #issue(
    publicKey: ReadRequest['publicKey'],
    identity: NamedIdentity,
    names: readonly string[],
  ): Promise<Issued> {
    const issuer = this.#issuer
    const validity = { nowMs: this.#nowMs, forMs: certificateMs }
    const options = { identity, names, ...validity }
    const own = await issueCertificate(publicKey, issuer, options, this.#random)
    const above =
      issuer.cross === undefined
        ? [issuer.certificate]
        : [issuer.cross, ...this.#store.authorities().slice(0, -1).map(certificateOf)]
    return { certificate: [own, ...above].join('\n'), trust: this.signedTrust }
  }

  /** @throws AppError TOO_MANY_REVOKED */
  #revokeMembers(members: readonly MemberRow[]): SignedTrust {
    for (const { id } of members) {
      this.#store.markRevoked(id)
      this.#store.revokeTokensOf(id, tokenRoles)
    }
    return this.#revokeThrough(members)
  }

  /** Revokes the certificates of these generations and before. @throws AppError TOO_MANY_REVOKED */
  #revokeThrough(members: readonly MemberRow[]): SignedTrust {
    const ids = new Set(members.map(({ id }) => id))
    const others = this.#trust.revoked.filter((one) => !ids.has(one.id) && this.#isNeeded(one))
    if (others.length + members.length > limits.revocationsMax)
      throw new AppError('TOO_MANY_REVOKED', { max: limits.revocationsMax })
    const these = members.map(({ id, generation }) => ({ id, throughGeneration: generation }))
    return this.#publish({ ...this.#trust, revoked: [...others, ...these] })
  }

  /** A revocation matters until the certificate would have expired, on all clocks. */
  #isNeeded({ id }: Revocation): boolean {
    const member = this.#store.member(id)
    return member === undefined || member.expiresMs + dayMs > this.#nowMs
  }

  /**
   * Takes over a later trust document than its own, which members know when the database was restored from a
   * backup.
   * @returns whether it was later
   */
  adopt(trust: Trust): boolean {
    const own = this.#trust
    if (trust.number <= own.number || trust.cluster !== own.cluster) return false
    this.#store.transaction(() => {
      const revoked = [...own.revoked]
      for (const one of trust.revoked) {
        const known = revoked.findIndex(({ id }) => id === one.id)
        if (known === -1) revoked.push(one)
        else if ((revoked[known]?.throughGeneration ?? 0) < one.throughGeneration)
          revoked[known] = one
        const member = this.#store.member(one.id)
        if (member !== undefined && member.generation <= one.throughGeneration)
          this.#store.markRevoked(one.id)
      }
      this.#publish({ ...own, number: trust.number, revoked })
    })
    return true
  }

  #endRotation(): SignedTrust {
    const { digest, certificate } = this.#issuer
    // Certificates of the authority before it are worth nothing then, revoked or not.
    const revoked = this.#trust.revoked.filter(
      ({ id }) => this.#store.member(id)?.issuer === digest,
    )
    const trust = { ...this.#trust, authorities: [certificate], issuer: digest, revoked }
    // Signed by both: members may know only the one before.
    const signed = this.#publish(trust)
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

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
