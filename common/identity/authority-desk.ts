import { Attempts } from '../attempts.ts'
import type { Cancel, Clock } from '../clock.ts'
import { withDeadline } from '../deadline.ts'
import { AppError, hasCode, reasonOf, toAppError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ClusterDesk } from '../protocol/cluster-desk.ts'
import type { Connection } from '../protocol/connection.ts'
import type { ReplyOf, RequestOf } from '../protocol/messages.ts'
import type { Address } from '../protocol/transport.ts'
import { RefusalNotices } from '../refusal-notices.ts'
import type { Authority } from './authority.ts'
import { certifiedNames, type ResolveHost } from './certified-names.ts'
import type { NamedIdentity } from './cluster-role.ts'
import type { NodeIdentity } from './node-identity.ts'
import { Renewals } from './renewals.ts'
import type { SecurityNews } from './security-news.ts'
import { type TokenDesk, tokenDesk } from './token-desk.ts'
import type { Revocation } from './trust.ts'

/** How often changes by commands on this machine are looked for. */
const lookMs = 1_000
/** Well before the deadline of the request: a name that is not resolved is not certified. */
const resolveMs = 3_000

interface Dependencies {
  readonly authority: Authority
  readonly identity: Pick<NodeIdentity, 'acceptOwn' | 'trust' | 'self'>
  readonly resolve: ResolveHost
  /** Where others join. */
  readonly address: Address | undefined
  /** The name of the authority that issued the certificate that a member has shown last. */
  readonly issuerShownBy: (id: string) => string | undefined
  readonly onNews: (news: SecurityNews) => void
  readonly clock: Clock
  readonly log: Log
}

/** Answers those who ask the authority of the cluster over the network. */
export class AuthorityDesk implements ClusterDesk, Disposable {
  readonly #dependencies: Dependencies
  readonly #attempts: Attempts
  readonly #notices: RefusalNotices
  readonly #renewals: Renewals
  readonly #tokens: TokenDesk
  #cancel: Cancel = () => {}
  #version: number

  /**
   * @throws AppError CERTIFICATE_REFUSED, MEMBER_UNKNOWN, MEMBER_IS_AUTHORITY, TOO_MANY_TOKENS, JOIN_TOKEN_UNKNOWN,
   * TOO_MANY_REVOKED
   */
  readonly administration: ClusterDesk['administration'] = {
    'revoke-member': ({ id }, asker) => {
      const { authority, identity } = this.#dependencies
      this.#administer(asker, (by) => authority.revoke(id, by))
      return { number: identity.trust.number }
    },
    'create-join-token': (request, asker) =>
      this.#administer(asker, (by) => this.#tokens.create(request, by)),
    'join-tokens': (_, asker) => this.#administer(asker, () => this.#tokens.list()),
    'revoke-join-token': (request, asker) =>
      this.#administer(asker, (by) => this.#tokens.revoke(request, by)),
  }

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#attempts = new Attempts(dependencies)
    this.#notices = new RefusalNotices(dependencies)
    this.#renewals = new Renewals(dependencies)
    const { authority, identity, address } = dependencies
    this.#tokens = tokenDesk(authority, { role: identity.self.role, address })
    this.#version = authority.version
    this.#adopt()
    authority.trust.sayWhoHasIt(identity.self.id)
    this.#takeTrust()
    this.#lookLater()
  }

  /** @throws AppError JOIN_REFUSED, MEMBER_EXISTS, TOO_MANY_ATTEMPTS, BAD_REQUEST */
  async join(
    request: RequestOf<'join-cluster'>,
    { remote, proven }: Connection,
  ): Promise<ReplyOf<'join-cluster'>> {
    const { authority, log, onNews } = this.#dependencies
    const { host } = remote
    const { id } = request
    try {
      const waitMs = this.#attempts.waitMs(host)
      if (waitMs > 0)
        throw new AppError('TOO_MANY_ATTEMPTS', { retryAfterSeconds: Math.ceil(waitMs / 1_000) })
      if (proven !== undefined && proven.role !== 'joiner' && proven.id !== id)
        throw new AppError('CERTIFICATE_REFUSED', {
          reason: `it is for ${proven.id}, not for ${id}`,
        })
      // Before anything is waited for: guesses that arrive together are counted, too.
      authority.tokens.check(request.secret)
      const names = await this.#names(request.names, id, host)
      // What commands on this machine have changed before is not this member's work.
      this.#takeChanges()
      const { identity, ...issued } = await authority.join({ ...request, names })
      const { role } = identity
      // A member with fewer rights than before has lost its earlier certificates.
      this.#takeChanges(id)
      log.info({ id, role, host }, 'a member has joined the cluster')
      onNews({ kind: 'joined', id, role, host })
      return issued
    } catch (error) {
      if (hasCode(error, 'JOIN_REFUSED')) this.#attempts.failed(host)
      const { code } = toAppError(error)
      const refused = { id, host, reason: reasonOf(error) }
      // What made the host wait was told of.
      const isNews = code !== 'TOO_MANY_ATTEMPTS' && this.#notices.isNews(host, code)
      if (!isNews) log.debug(refused, 'joining was refused')
      else log.warn({ ...refused, untold: this.#notices.takeUntold() }, 'joining was refused')
      onNews({ kind: 'join-refused', ...refused, code })
      throw error
    }
  }

  /** @throws AppError CERTIFICATE_REFUSED, RENEWED_RECENTLY, BAD_REQUEST */
  async renew(
    { request, names }: RequestOf<'renew-certificate'>,
    { remote, proven }: Connection,
  ): Promise<ReplyOf<'renew-certificate'>> {
    const { authority, identity, log } = this.#dependencies
    if (proven === undefined) throw new AppError('NOT_IN_CLUSTER')
    this.#renewals.begin(proven, authority.digest)
    const { cluster } = identity.self
    const member = { ...proven, cluster } as NamedIdentity
    const certified = await this.#names(names, proven.id, remote.host)
    const issued = await authority.renew(member, { request, names: certified })
    log.info({ id: proven.id }, 'renewed a certificate')
    return issued
  }

  [Symbol.dispose](): void {
    this.#cancel()
    this.#dependencies.authority[Symbol.dispose]()
  }

  async #names(asked: readonly string[], id: string, host: string): Promise<string[]> {
    const { resolve, clock } = this.#dependencies
    const inTime = (name: string): Promise<readonly string[]> =>
      withDeadline({ what: `Resolving ${name}`, deadlineMs: resolveMs }, clock, () =>
        resolve(name),
      ).catch(() => [])
    return await certifiedNames({ asked, id, host }, inTime)
  }

  /** What commands on this machine have changed counts here, too. */
  #lookLater(): void {
    const { authority, issuerShownBy, clock, log } = this.#dependencies
    this.#cancel = clock.after(lookMs, () => {
      this.#lookLater()
      try {
        this.#adopt()
        const { version } = authority
        const isOver = authority.trust.finishRotation(issuerShownBy)
        if (isOver || version !== this.#version) this.#takeTrust()
        this.#takeTokenNews()
        this.#version = version
      } catch (error) {
        log.error({ reason: reasonOf(error) }, 'the database of the authority cannot be read')
      }
    })
  }

  /** After a restored backup, members may know a newer document than the database does. */
  #adopt(): void {
    const { authority, identity, log } = this.#dependencies
    if (!authority.trust.adopt(identity.trust)) return
    const { number } = identity.trust
    log.warn({ number }, 'members know of later changes than the authority: it goes on from these')
  }

  /** Does what an admin requests, if it still is one. */
  #administer<T>({ proven }: Pick<Connection, 'proven'>, work: (by: string | undefined) => T): T {
    // What commands on this machine have changed before is not this admin's work.
    this.#takeChanges()
    const done = this.#dependencies.authority.actFor(proven, () => work(proven?.id))
    this.#takeChanges(proven?.id)
    return done
  }

  /** @param by who has had members revoked; undefined for a command on this machine */
  #takeChanges(by?: string): void {
    this.#takeTrust(by)
    this.#takeTokenNews()
  }

  #takeTokenNews(): void {
    const { authority, log, onNews } = this.#dependencies
    for (const news of authority.tokens.takeNews()) {
      const { kind, token, by } = news
      const { tokenId, role, expiresMs, usesMax } = token
      const what = kind === 'token-created' ? 'created' : 'revoked'
      log.info({ tokenId, role, expiresMs, usesMax, by }, `a join token was ${what}`)
      onNews(news)
    }
  }

  /** @param by who has caused the changes; undefined for a command on this machine */
  #takeTrust(by?: string): void {
    const { authority, identity, log, onNews } = this.#dependencies
    const before = new Set(identity.trust.revoked.map(keyOf))
    if (!identity.acceptOwn(authority.trust.signed)) return
    for (const one of identity.trust.revoked) {
      if (before.has(keyOf(one))) continue
      log.warn({ id: one.id, by }, 'a member was revoked')
      onNews({ kind: 'revoked', id: one.id, by })
    }
  }
}

function keyOf({ id, throughGeneration }: Revocation): string {
  return `${id} ${throughGeneration}`
}
