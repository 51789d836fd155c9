/** What the cluster would lose without a peer. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { ReplyOf } from '../../common/protocol/messages.ts'
import { lastingCopies, liveCopies, type PeerOf } from '../rank.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'

/** A page of a survey ends after this long. */
const pageMs = 1_000

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'contentIds'>
  readonly peerOf: PeerOf
  readonly clock: Clock
}

/**
 * Counts the wanted files that a peer holds, and those of them that other peers lack.
 * @param after the `next` of the previous page
 * @throws AppError BAD_REQUEST if `after` is none; the signal's reason
 */
export type SurveyPeer = (
  peerId: string,
  after: string | undefined,
  signal: AbortSignal,
) => Promise<ReplyOf<'safety'>>

export function surveyOver(dependencies: Dependencies): SurveyPeer {
  return (peerId, after, signal) => surveyed(peerId, after, dependencies, signal)
}

async function surveyed(
  peerId: string,
  after: string | undefined,
  { store, peerOf, clock }: Dependencies,
  signal: AbortSignal,
): Promise<ReplyOf<'safety'>> {
  const startMs = clock.monotonicMs()
  const held = new Tally()
  const alone = new Tally()
  const lacking = new Tally()
  for (let next = after; ; ) {
    const page = await store.contentIds(peerId, next, limits.contentsPerSlice)
    const contents = await store.contents([...new Set(page.contentIds)])
    const found = new Map(contents.map((content) => [content.contentId, content]))
    for (const contentId of page.contentIds) {
      const content = found.get(contentId)
      if (content?.file === undefined) continue
      const others = content.holders.filter((holder) => holder.peerId !== peerId)
      held.add(content)
      if (liveCopies(others, peerOf) === 0) alone.add(content)
      if (lastingCopies(others, peerOf) < content.factor) lacking.add(content)
    }
    next = page.next
    const isLong = clock.monotonicMs() - startMs >= pageMs
    if (next === undefined || isLong) {
      const counts = { held: held.counts, alone: alone.sample, lacking: lacking.sample }
      return { ...counts, ...(next !== undefined && { next }) }
    }
    await turn()
    signal.throwIfAborted()
  }
}

/** Files with their size, and the names of the first. */
class Tally {
  #files = 0
  #bytes = 0
  readonly #names = new Set<string>()

  add({ file, size }: StoredContent): void {
    this.#files++
    this.#bytes += size
    if (file !== undefined && this.#names.size < limits.safetyNamesMax) this.#names.add(file.name)
  }

  get counts(): { files: number; bytes: number } {
    return { files: this.#files, bytes: Math.min(this.#bytes, Number.MAX_SAFE_INTEGER) }
  }

  get sample(): { files: number; bytes: number; names: string[] } {
    return { ...this.counts, names: [...this.#names] }
  }
}
