/**
 * Lets in who shows the token, where the HTTP API can be reached from other machines. The addresses in
 * X-Forwarded-For are not trusted: anyone can send them.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { Attempts } from '../../common/attempts.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { type CredentialHeaders, credentialOf } from './credentials.ts'
import { type Sessions, sessionMs } from './sessions.ts'

/**
 * Routes that want no token, as registered: what probes ask, the page that asks for the token, and what it
 * sends it to. They reveal nothing about files.
 */
const openRoutes: ReadonlySet<string> = new Set([
  '/healthz',
  '/readyz',
  '/',
  '/assets/*',
  '/api/session',
])

export interface GatekeeperOptions {
  readonly peerId: string
  /** False on loopback: every caller is let in. */
  readonly needsToken: boolean
  /** Whether it is called over HTTPS. */
  readonly isSecure?: boolean
}

export interface GatekeeperDependencies {
  /** SHA-256 of the token in force. @throws AppError TOKEN_UNUSABLE */
  readonly token: { digest(): Promise<Buffer> }
  readonly sessions: Pick<Sessions, 'open' | 'isOpen' | 'close'>
  readonly clock: Clock
}

/** The parts of a request that it looks at. */
export interface Visitor {
  /** The matched route; undefined if there is none. */
  readonly route: string | undefined
  readonly headers: CredentialHeaders
  /** The other end of the connection. */
  readonly address: string
}

export class Gatekeeper {
  readonly needsToken: boolean
  readonly peerId: string
  readonly #dependencies: GatekeeperDependencies
  readonly #attempts: Attempts
  /** Cookies are sent to all ports of a host, so each peer has its own. */
  readonly #cookieName: string

  readonly #isSecure: boolean

  constructor(
    { peerId, needsToken, isSecure = false }: GatekeeperOptions,
    dependencies: GatekeeperDependencies,
  ) {
    this.needsToken = needsToken
    this.peerId = peerId
    this.#isSecure = isSecure
    // Browsers take a cookie of this prefix only from HTTPS, so that no plain HTTP can replace it.
    this.#cookieName = isSecure ? `__Host-tandem-${peerId}` : `tandem-${peerId}`
    this.#dependencies = dependencies
    this.#attempts = new Attempts(dependencies)
  }

  /** @throws AppError TOKEN_REQUIRED, TOKEN_WRONG, TOO_MANY_ATTEMPTS, TOKEN_UNUSABLE */
  async check({ route, headers, address }: Visitor): Promise<void> {
    if (!this.needsToken || openRoutes.has(route ?? '')) return
    const credential = credentialOf(headers, this.#cookieName)
    if (credential === undefined) throw new AppError('TOKEN_REQUIRED')
    const digest = await this.#dependencies.token.digest()
    if (credential.kind === 'token') return this.#checkToken(credential.token, digest, address)
    // An ended session is no attempt: its browser cannot know that it has ended.
    if (!this.#dependencies.sessions.isOpen(credential.id, digest))
      throw new AppError('TOKEN_REQUIRED')
  }

  /** @returns the Set-Cookie header. @throws AppError TOKEN_WRONG, TOO_MANY_ATTEMPTS, TOKEN_UNUSABLE */
  async logIn(token: string, address: string): Promise<string> {
    const digest = await this.#dependencies.token.digest()
    this.#checkToken(token, digest, address)
    const id = await this.#dependencies.sessions.open(digest)
    return this.#cookie(id, sessionMs / 1_000)
  }

  /** @returns the Set-Cookie header that removes the cookie. @throws AppError DISK_FULL, DISK_FAILED */
  async logOut(headers: CredentialHeaders): Promise<string> {
    const credential = credentialOf({ cookie: headers.cookie }, this.#cookieName)
    if (credential?.kind === 'session') await this.#dependencies.sessions.close(credential.id)
    return this.#cookie('', 0)
  }

  /** Refused attempts are not compared, so that waiting is the only way to try again. */
  #checkToken(token: string, digest: Buffer, address: string): void {
    const waitMs = this.#attempts.waitMs(address)
    if (waitMs > 0)
      throw new AppError('TOO_MANY_ATTEMPTS', { retryAfterSeconds: Math.ceil(waitMs / 1_000) })
    if (timingSafeEqual(createHash('sha256').update(token).digest(), digest)) return
    this.#attempts.failed(address)
    throw new AppError('TOKEN_WRONG')
  }

  #cookie(value: string, seconds: number): string {
    const secure = this.#isSecure ? '; Secure' : ''
    return `${this.#cookieName}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`
  }
}
