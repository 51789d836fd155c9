/** What the cluster would lose without a peer. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { ReplyOf } from '../../common/protocol/messages.ts'
import { lastingCopies, liveCopies, type PeerOf } from '../rank.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'
import type { Coordinator } from './coordinator.ts'
import type { DropGrants } from './drop-grants.ts'

/** A page of a survey ends after this long. */
const pageMs = 1_000

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'contentIds'>
  readonly peerOf: PeerOf
  readonly grants: Pick<DropGrants, 'peerOf'>
  readonly coordinator: Pick<Coordinator, 'isParked' | 'whyParked'>
  readonly clock: Clock
}

/**
 * Counts the wanted files that a peer holds, and those of them that other peers lack. A replica that
 * its peer may be dropping does not count.
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
  { store, peerOf, grants, coordinator, clock }: Dependencies,
  signal: AbortSignal,
): Promise<ReplyOf<'safety'>> {
  const startMs = clock.monotonicMs()
  const held = new Tally()
  const alone = new Tally()
  const lacking = new Tally()
  let unplaceable: ReplyOf<'safety'>['unplaceable']
  for (let next = after; ; ) {
    const page = await store.contentIds(peerId, next, limits.contentsPerSlice)
    const contents = await store.contents([...new Set(page.contentIds)])
    const found = new Map(contents.map((content) => [content.contentId, content]))
    for (const contentId of page.contentIds) {
      const content = found.get(contentId)
      if (content?.file === undefined) continue
      const dropping = grants.peerOf(contentId)
      const others = content.holders.filter(
        (holder) =>
          holder.peerId !== peerId && !(holder.peerId === dropping && holder.kind === 'replicated'),
      )
      held.add(content)
      if (liveCopies(others, peerOf) === 0) alone.add(content)
      if (lastingCopies(others, peerOf) >= content.factor) continue
      lacking.add(content)
      if (!coordinator.isParked(contentId)) continue
      unplaceable ??= { files: 0, name: content.file.name, why: coordinator.whyParked(content) }
      unplaceable.files++
    }
    next = page.next
    const isLong = clock.monotonicMs() - startMs >= pageMs
    if (next === undefined || isLong) {
      const counts = { held: held.counts, alone: alone.sample, lacking: lacking.sample }
      return {
        ...counts,
        ...(unplaceable && { unplaceable }),
        ...(next !== undefined && { next }),
      }
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
