import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { reasonOf } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Change } from '../../common/protocol/messages.ts'
import type { KeptCatalogs } from './kept-catalogs.ts'
import type { Member } from './member.ts'
import type { Mirrors } from './mirrors.ts'

/** How soon others are asked about what this peer has got: before its own index has copies made. */
const askEveryMs = 1_000
/** Members asked at the same time. */
const askedAtOnce = 8
/** For one page of contents. */
const answerMs = 5_000
/** A member that did not answer is asked again after this. */
const retryMs = 10_000

interface Dependencies {
  readonly kept: Pick<KeptCatalogs, 'notKept' | 'onAsked'>
  readonly catalog: {
    readonly lastSeq: number
    changesSince(seq: number, limit: number): readonly Change[]
  }
  readonly mesh: { members(): readonly Member[] }
  readonly mirrors: Pick<Mirrors, 'learnCopies'>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Asks members whose catalogs are not kept about each content that this peer gets: it must know all
 * holders of what it has, or it and they would have copies made and dropped in turn. A member that was away is
 * asked when it is back.
 */
export class GainedCopies {
  readonly #dependencies: Dependencies
  /** When members may be asked again, on the monotonic clock. */
  readonly #dueMs = new Map<string, number>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Asks until the signal is aborted. @throws the signal's reason */
  async follow(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#dependencies.clock.sleep(askEveryMs, signal)
      await inParallel(this.#due(), askedAtOnce, async (peerId) => await this.#ask(peerId, signal))
      signal.throwIfAborted()
    }
  }

  #due(): string[] {
    const { kept, catalog, mesh, clock } = this.#dependencies
    if (kept.notKept.size === 0) return []
    const nowMs = clock.monotonicMs()
    const isDue = ({ record: { peerId }, state }: Member): boolean => {
      const askedSeq = kept.notKept.get(peerId)
      if (state !== 'live' || askedSeq === undefined || askedSeq === catalog.lastSeq) return false
      return (this.#dueMs.get(peerId) ?? 0) <= nowMs
    }
    return mesh
      .members()
      .filter(isDue)
      .map(({ record }) => record.peerId)
  }

  /** Never rejects. */
  async #ask(peerId: string, signal: AbortSignal): Promise<void> {
    const { kept, catalog, clock, log } = this.#dependencies
    // After a power cut the catalog may have fewer changes than before.
    let seq = Math.min(kept.notKept.get(peerId) ?? 0, catalog.lastSeq)
    try {
      for (let isMore = true; isMore; ) {
        const upTo = catalog.lastSeq
        const changes = catalog.changesSince(seq, limits.copiesAskedMax)
        const sha256s = changes.flatMap((change) => (change.op === 'put' ? [change.sha256] : []))
        await this.#learn(peerId, sha256s, signal)
        isMore = changes.length === limits.copiesAskedMax
        seq = isMore ? (changes.at(-1)?.seq ?? upTo) : upTo
        kept.onAsked(peerId, seq)
      }
      this.#dueMs.delete(peerId)
    } catch (error) {
      this.#dueMs.set(peerId, clock.monotonicMs() + retryMs)
      log.debug({ peerId, reason: reasonOf(error) }, 'what a member has is unknown')
    }
  }

  async #learn(peerId: string, sha256s: readonly string[], signal: AbortSignal): Promise<void> {
    const { mirrors, clock } = this.#dependencies
    if (sha256s.length === 0) return
    const deadline = { what: `Asking ${peerId}`, deadlineMs: answerMs, signal }
    await withDeadline(deadline, clock, (inTime) => mirrors.learnCopies(peerId, sha256s, inTime))
  }
}
