import type { Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import type { ProvenIdentity } from './cluster-role.ts'

/** Certificates are valid for months: a member that asks again within minutes has lost the answer, or does harm. */
const againMs = 300_000

interface Begun {
  readonly generation: number
  readonly issuer: string
  readonly atMs: number
}

/**
 * Renewals of certificates that members have asked for in the last minutes. Each costs the authority look-ups
 * of names and signatures, which a single member must not take from the others.
 */
export class Renewals {
  readonly #clock: Clock
  /** By the member's id, the oldest first. */
  readonly #begun = new Map<string, Begun>()

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock
  }

  /**
   * Counts a renewal, which fails or succeeds.
   * @param issuer digest of the authority that issues certificates now: each one asks all members to renew
   * @throws AppError RENEWED_RECENTLY
   */
  begin({ id, generation }: ProvenIdentity, issuer: string): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [one, { atMs }] of this.#begun) {
      if (nowMs - atMs < againMs) break
      this.#begun.delete(one)
    }
    const last = this.#begun.get(id)
    if (last?.generation === generation && last.issuer === issuer) {
      const retryAfterSeconds = Math.ceil((last.atMs + againMs - nowMs) / 1_000)
      throw new AppError('RENEWED_RECENTLY', { id, retryAfterSeconds })
    }
    this.#begun.delete(id)
    this.#begun.set(id, { generation, issuer, atMs: nowMs })
  }
}
