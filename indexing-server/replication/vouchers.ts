import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { SurplusHolder } from './surplus.ts'

/** Asks a peer which of these contents it still has; one answer for each, in the same order. */
export type ConfirmCopies = (
  peerId: string,
  sha256s: string[],
  options: { signal: AbortSignal; deadlineMs: number },
) => Promise<readonly boolean[]>

/** Half of `requestMs`, for which the peer that drops its replica waits. */
const confirmCopiesMs = 5_000
/** Holders asked per content: more than any factor, few for a file that a thousand peers have. */
const vouchersMax = 24

interface Question {
  readonly sha256: string
  readonly holders: readonly SurplusHolder[]
}

/** Asks holders to confirm their copies, with one request per holder. */
export class Vouchers {
  readonly #confirmCopies: ConfirmCopies
  readonly #log: Log

  constructor(dependencies: { confirmCopies: ConfirmCopies; log: Log }) {
    this.#confirmCopies = dependencies.confirmCopies
    this.#log = dependencies.log
  }

  /**
   * A holder that does not answer confirms nothing.
   * @returns whether a peer has confirmed a content
   */
  async ask(
    questions: readonly Question[],
    signal: AbortSignal,
  ): Promise<(peerId: string, sha256: string) => boolean> {
    const asked = new Map<string, Set<string>>()
    for (const { sha256, holders } of questions)
      for (const { peerId } of zonesFirst(holders).slice(0, vouchersMax))
        asked.set(peerId, (asked.get(peerId) ?? new Set()).add(sha256))
    const confirmed = new Map<string, ReadonlySet<string>>()
    await Promise.all(
      Array.from(asked, async ([peerId, sha256s]) => {
        confirmed.set(peerId, await this.#askOne(peerId, [...sha256s], signal))
      }),
    )
    return (peerId, sha256) => confirmed.get(peerId)?.has(sha256) === true
  }

  async #askOne(
    peerId: string,
    sha256s: string[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<string>> {
    try {
      const options = { signal, deadlineMs: confirmCopiesMs }
      const has = await this.#confirmCopies(peerId, sha256s, options)
      return new Set(sha256s.filter((_, index) => has[index] === true))
    } catch (error) {
      signal.throwIfAborted()
      this.#log.debug({ peerId, reason: reasonOf(error) }, 'copies were not confirmed')
      return new Set()
    }
  }
}

/** One holder of each zone comes before the others, so that all zones are among the first. */
function zonesFirst(holders: readonly SurplusHolder[]): SurplusHolder[] {
  const zones = new Set<string | undefined>()
  const isFirst = new Map(
    holders.map((holder) => {
      const isNew = holder.zone !== undefined && !zones.has(holder.zone)
      zones.add(holder.zone)
      return [holder, isNew] as const
    }),
  )
  return holders.toSorted((a, b) => Number(isFirst.get(b)) - Number(isFirst.get(a)))
}
