import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { Random } from '../random.ts'
import { AuthorityStore, type MemberRow } from './authority-store.ts'
import {
  type CertifiedRole,
  type NamedIdentity,
  type ProvenIdentity,
  rolesAbove,
  tokenRoles,
} from './cluster-role.ts'
import { type IdentityMaterial, makePrivateFolder } from './identity-files.ts'
import { JoinTokens } from './join-tokens.ts'
import type { SignedTrust } from './trust.ts'
import { TrustKeeper } from './trust-keeper.ts'
import { issueCertificate, makeRequest, type ReadRequest, readRequest } from './x509.ts'

/** How long a certificate of a member is valid. */
const certificateMs = 90 * 24 * 3_600_000

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
  /** Who may join. */
  readonly tokens: JoinTokens
  /** Its keys, and who is revoked. */
  readonly trust: TrustKeeper
  readonly #store: AuthorityStore
  readonly #clock: Clock
  readonly #random: Random

  private constructor(store: AuthorityStore, dependencies: Dependencies) {
    this.tokens = new JoinTokens(store, dependencies)
    this.trust = new TrustKeeper(store, dependencies)
    this.#store = store
    this.#clock = dependencies.clock
    this.#random = dependencies.random
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
    await makePrivateFolder(folder)
    const authority = Authority.open(folder, dependencies)
    await authority.trust.found(own.id)
    const { key, request } = await makeRequest(own.id)
    const issued = await authority.#issueOwn(request, own)
    const material = { key, chain: issued.certificate, signedTrust: issued.trust }
    return { authority, material }
  }

  /** Changes whenever another process has changed something. */
  get version(): number {
    return this.#store.version
  }

  get overview(): ClusterOverview {
    const { cluster, number } = this.trust.current
    const authorities = this.#store.authorities().map(({ digest }) => digest)
    return { cluster, trustNumber: number, authorities, members: this.#store.members() }
  }

  /** The digest by which join tokens name this authority. */
  get digest(): string {
    return this.trust.issuer.digest
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
      const role = this.tokens.take(secret, { id, keyHash })
      const known = this.#store.member(id)
      const isSame = known?.keyHash === keyHash && !known.isRevoked
      const isExpired = known !== undefined && known.expiresMs < nowMs
      if (known !== undefined && !known.isRevoked && !isSame && !isExpired)
        throw new AppError('MEMBER_EXISTS', { id })
      if (known?.isAuthority === true) throw new AppError('MEMBER_EXISTS', { id })
      const above = rolesAbove(role)
      const isLess = isSame && above.some((one) => one === known.role)
      const revoked = this.trust.current.revoked.find((one) => one.id === id)
      const before = Math.max(known?.generation ?? 0, revoked?.throughGeneration ?? 0)
      const generation = isSame && !isLess ? known.generation : before + 1
      const joinedMs = isSame ? known.joinedMs : nowMs
      const issued = {
        issuedMs: nowMs,
        expiresMs: nowMs + certificateMs,
        issuer: this.digest,
      }
      const joined = { id, role, generation, keyHash, joinedMs, ...issued, isAuthority: false }
      this.#store.putMember(joined)
      if (isLess) {
        this.#store.revokeTokensOf(id, above, undefined)
        this.trust.revokeThrough([known])
      }
      return joined
    })
    const { role, generation } = member
    const identity = {
      cluster: this.trust.current.cluster,
      role,
      id,
      generation,
      isAuthority: false,
    }
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
      const issuer = this.digest
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
   * Revokes all certificates of a member, the tokens that it has joined with, which it knows, and those that it had
   * made.
   * @param by the member that has it revoked; undefined for a command on this machine
   * @throws AppError MEMBER_UNKNOWN, MEMBER_IS_AUTHORITY, TOO_MANY_REVOKED
   */
  revoke(id: string, by?: string): SignedTrust {
    return this.#store.transaction(() => {
      const member = this.#store.member(id)
      if (member === undefined) throw new AppError('MEMBER_UNKNOWN', { id })
      if (member.isAuthority) throw new AppError('MEMBER_IS_AUTHORITY', { id })
      return this.#revokeMembers([member], by)
    })
  }

  /**
   * Revokes a token with all members whose keys have joined with it, and the other tokens that they know.
   * @param by the member that has them revoked; undefined for a command on this machine
   * @returns the ids of these members
   * @throws AppError JOIN_TOKEN_UNKNOWN, TOO_MANY_REVOKED
   */
  revokeJoinedWith(tokenId: string, by?: string): string[] {
    return this.#store.transaction(() => {
      this.tokens.revoke(tokenId, by)
      const members = this.#store.membersOfToken(tokenId).filter(({ isRevoked }) => !isRevoked)
      if (members.length > 0) this.#revokeMembers(members, by)
      return members.map(({ id }) => id)
    })
  }

  /**
   * Runs `work` for a member, which may have been revoked, or have lost rights, after its connection was accepted.
   * @param asker undefined for a command on this machine
   * @throws AppError CERTIFICATE_REFUSED; or that of `work`
   */
  actFor<T>(asker: ProvenIdentity | undefined, work: () => T): T {
    return this.#store.transaction(() => {
      const known = asker && this.#store.member(asker.id)
      // After a restored backup, members may have joined again in the meantime.
      const newer = (asker?.generation ?? 0) - (known?.generation ?? 0)
      if (known !== undefined && (newer < 0 || (known.isRevoked && newer === 0)))
        throw new AppError('CERTIFICATE_REFUSED', { reason: `${known.id} was revoked` })
      return work()
    })
  }

  [Symbol.dispose](): void {
    this.#store[Symbol.dispose]()
  }

  get #nowMs(): number {
    return Math.floor(this.#clock.nowMs())
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
    const issuer = this.digest
    const joinedMs = this.#store.member(id)?.joinedMs ?? nowMs
    const member = { id, role, generation: 1, keyHash, joinedMs, issuer, isAuthority: true }
    this.#store.putMember({ ...member, issuedMs: nowMs, expiresMs: nowMs + certificateMs })
    const { cluster } = this.trust.current
    const identity = { cluster, role, id, generation: 1, isAuthority: true }
    return await this.#issue(publicKey, identity, names)
  }

  async #issue(
    publicKey: ReadRequest['publicKey'],
    identity: NamedIdentity,
    names: readonly string[],
  ): Promise<Issued> {
    // Of the same moment: the authority may be replaced meanwhile.
    const { issuer, chain } = this.trust
    const validity = { nowMs: this.#nowMs, forMs: certificateMs }
    const options = { identity, names, ...validity }
    const own = await issueCertificate(publicKey, issuer, options, this.#random)
    return { certificate: [own, ...chain].join('\n'), trust: this.trust.signed }
  }

  /** @throws AppError TOO_MANY_REVOKED */
  #revokeMembers(members: readonly MemberRow[], by: string | undefined): SignedTrust {
    for (const { id } of members) {
      this.#store.markRevoked(id)
      this.#store.revokeTokensOf(id, tokenRoles, by)
    }
    return this.trust.revokeThrough(members)
  }
}
