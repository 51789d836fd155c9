import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Random } from '../random.ts'
import type { AuthorityStore, TokenNews, TokenRow } from './authority-store.ts'
import type { TokenRole } from './cluster-role.ts'
import { newSecret, tokenIdOf } from './join-token.ts'

/** Expired tokens are listed for so long. */
const tokensKeptMs = 7 * 24 * 3_600_000

/** What a token is to let in. */
export interface NewToken {
  readonly role: TokenRole
  readonly forMs: number
  /** How many may join with it; undefined for as many as any token lets in. */
  readonly usesMax?: number | undefined
  /** The member that has it made; undefined for this process, and commands on its machine. */
  readonly by?: string | undefined
}

/** The join tokens of an authority: who may join with which, and how often. */
export class JoinTokens {
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

  /**
   * Creates a token that lets others join.
   * @returns its secret, which is not kept
   * @throws AppError TOO_MANY_TOKENS
   */
  create({ role, forMs, usesMax, by }: NewToken): string {
    const nowMs = this.#nowMs
    const secret = newSecret(this.#random)
    const token = {
      tokenId: tokenIdOf(secret),
      secretHash: hashOf(secret),
      role,
      createdMs: nowMs,
      expiresMs: nowMs + forMs,
      usesMax,
      createdBy: by,
    }
    this.#store.transaction(() => {
      this.#makeRoom(nowMs)
      this.#store.addToken(token)
    })
    return secret
  }

  /** Refuses a further token if too many are open, and forgets ended ones if there are too many of these. */
  #makeRoom(nowMs: number): void {
    this.#store.dropTokens(nowMs - tokensKeptMs)
    const tokens = this.#store.tokens()
    const ended = tokens.filter((token) => !isOpen(token, nowMs))
    if (tokens.length - ended.length >= limits.openTokensMax)
      throw new AppError('TOO_MANY_TOKENS', { max: limits.openTokensMax })
    if (tokens.length < limits.joinTokensMax) return
    // Of one that was used, it stays known longest who has joined with it.
    const least = ended.toReversed().toSorted((a, b) => a.uses - b.uses)[0]
    if (least !== undefined) this.#store.dropToken(least.tokenId)
  }

  /** All tokens, the newest first. */
  list(): TokenRow[] {
    return this.#store.tokens()
  }

  /**
   * Whether peers can join with the token of this secret for so long, and it is far from its bound of members.
   */
  isValidFor(secret: string, forMs: number): boolean {
    const token = this.#store.token(tokenIdOf(secret))
    if (token === undefined || token.isRevoked) return false
    if (!timingSafeEqual(token.secretHash, hashOf(secret)) || token.usesMax !== undefined)
      return false
    if (token.uses >= limits.membersPerTokenMax / 2) return false
    return token.expiresMs >= this.#nowMs + forMs
  }

  /** The token of a secret, unless it is of no use to anyone. @throws AppError JOIN_REFUSED */
  check(secret: string): TokenRow {
    const token = this.#store.token(tokenIdOf(secret))
    if (token === undefined || !timingSafeEqual(token.secretHash, hashOf(secret)))
      throw new AppError('JOIN_REFUSED', { reason: 'the token is not one of this cluster' })
    if (token.isRevoked) throw new AppError('JOIN_REFUSED', { reason: 'the token was revoked' })
    if (this.#nowMs >= token.expiresMs)
      throw new AppError('JOIN_REFUSED', { reason: 'the token has expired' })
    return token
  }

  /** The role that the token gives to a member; counts the use. @throws AppError JOIN_REFUSED */
  take(secret: string, { id, keyHash }: { id: string; keyHash: string }): TokenRole {
    const token = this.check(secret)
    // The answer to the first attempt may have been lost.
    if (this.#store.hasUsed(token.tokenId, id, keyHash)) return token.role
    if (token.usesMax !== undefined && token.uses >= token.usesMax)
      throw new AppError('JOIN_REFUSED', { reason: 'the token has been used' })
    const max = limits.membersPerTokenMax
    if (token.uses >= max)
      throw new AppError('JOIN_REFUSED', { reason: `the token has been used ${max} times` })
    this.#store.addUse(token.tokenId, id, keyHash, this.#nowMs)
    return token.role
  }

  /**
   * Stops new processes from joining with a token.
   * @param by the member that has it revoked; undefined for this process, and commands on its machine
   * @throws AppError JOIN_TOKEN_UNKNOWN
   */
  revoke(tokenId: string, by?: string): void {
    if (!this.#store.revokeToken(tokenId, by)) throw new AppError('JOIN_TOKEN_UNKNOWN', { tokenId })
  }

  /** What was created and revoked since this was called last, by all processes. */
  takeNews(): TokenNews[] {
    return this.#store.takeTokenNews()
  }

  get #nowMs(): number {
    return Math.floor(this.#clock.nowMs())
  }
}

/** Whether a further process can join with a token. */
function isOpen({ isRevoked, expiresMs, uses, usesMax }: TokenRow, nowMs: number): boolean {
  const max = Math.min(usesMax ?? limits.membersPerTokenMax, limits.membersPerTokenMax)
  return !isRevoked && expiresMs > nowMs && uses < max
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}
