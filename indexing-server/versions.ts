import { AppError } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import type {
  FileVersion,
  FoundContent,
  ReplicaVersion,
  ReplyOf,
} from '../common/protocol/messages.ts'
import { thatFitFrame } from './frame-budget.ts'
import { foundContent, liveCopies, type PeerOf } from './rank.ts'
import type { ReplacedVersions } from './replication/replaced-versions.ts'
import type { IndexStore, StoredContent } from './store/store.ts'

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'obsoleteCopy' | 'versionsNamed' | 'versionsOf'>
  readonly peerOf: PeerOf
}

/**
 * The current contents of a name, and the replaced ones that are kept.
 * @throws AppError NAME_INVALID, NAME_NOT_FOUND
 */
export async function versions(
  text: string,
  replaced: Pick<ReplacedVersions, 'keptUntilMs'>,
  { store, peerOf }: Dependencies,
): Promise<ReplyOf<'versions'>> {
  const name = parseName(text)
  const found = await store.versionsNamed(name, limits.versionsListedMax)
  if (found.length === 0) throw new AppError('NAME_NOT_FOUND', { name })
  const currentOf = new Map(
    found.filter(({ replacedMs }) => replacedMs === undefined).map((one) => [one.owner, one]),
  )
  const listed = found.map((version): FileVersion => {
    const { owner, content, modifiedMs, replacedMs } = version
    const { sha256, size, chunkRoot, holders } = content
    const keptUntilMs = replaced.keptUntilMs(version, currentOf.get(owner))
    return {
      owner,
      sha256,
      size,
      chunkRoot,
      modifiedMs,
      state: replacedMs === undefined ? 'current' : 'replaced',
      copies: liveCopies(holders, peerOf),
      ...(keptUntilMs === undefined ? {} : { keptUntilMs }),
    }
  })
  return { versions: thatFitFrame(listed) }
}

/** Earlier contents of a name with this hash that can still be fetched. */
export async function keptContents(
  name: string,
  sha256: string,
  { store, peerOf }: Dependencies,
): Promise<FoundContent[]> {
  const found = await store.versionsNamed(name, limits.versionsListedMax)
  const same = new Map(
    found
      .filter(({ content }) => content.sha256 === sha256)
      .map(({ content }) => [content.contentId, content]),
  )
  return [...same.values()]
    .map((content) => foundContent(content, peerOf))
    .filter(({ sources }) => sources.length > 0)
}

/**
 * Whether a peer may remove replicated copies now: each must be one that its file does not need,
 * and its successor must have its copies, all of them live, or a replaced version that is kept must
 * be on as many live peers. A content of another file may lose the copy only if enough remain
 * elsewhere.
 */
export async function confirmDrops(
  peerId: string,
  copies: readonly ReplicaVersion[],
  factor: number,
  dependencies: Dependencies,
): Promise<ReplyOf<'confirm-drops'>> {
  const confirmed = await Promise.all(
    copies.map((copy) => mayDrop(peerId, copy, factor, dependencies)),
  )
  return { confirmed }
}

async function mayDrop(
  peerId: string,
  copy: ReplicaVersion,
  factor: number,
  { store, peerOf }: Dependencies,
): Promise<boolean> {
  const obsolete = await store.obsoleteCopy(peerId, copy)
  if (obsolete === undefined) return false
  const { contentId, successorId } = obsolete
  const contents = await store.contents(
    successorId === undefined ? [contentId] : [contentId, successorId],
  )
  const find = (id: number | undefined): StoredContent | undefined =>
    contents.find((content) => content.contentId === id)
  const content = find(contentId)
  const successor = find(successorId)
  if (content?.file !== undefined) {
    const elsewhere = content.holders.filter((holder) => holder.peerId !== peerId)
    if (liveCopies(elsewhere, peerOf) < factor) return false
  }
  if (successorId === undefined) return true
  if (successor !== undefined && liveCopies(successor.holders, peerOf) >= factor) return true
  const copies = Math.max(1, liveCopies(content?.holders ?? [], peerOf))
  const kept = (await store.versionsOf(copy)).filter(({ replacedMs }) => replacedMs !== undefined)
  return kept.some((version) => liveCopies(version.content.holders, peerOf) >= copies)
}
