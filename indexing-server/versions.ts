import { hasCode } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { FileVersion, FoundContent, ReplyOf } from '../common/protocol/messages.ts'
import { foundContent, liveCopies, type PeerOf } from './rank.ts'
import type { ReplacedVersions } from './replication/replaced-versions.ts'
import type { IndexStore } from './store/store.ts'
import type { Trash } from './trash.ts'

interface Dependencies {
  readonly store: Pick<IndexStore, 'trashNamed' | 'versionsNamed'>
  readonly peerOf: PeerOf
}

interface ListingDependencies extends Dependencies {
  readonly trash: Pick<Trash, 'absence'>
}

/**
 * The current contents of a name, and the replaced ones that are kept.
 * @throws AppError NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED
 */
export async function versions(
  text: string,
  replaced: Pick<ReplacedVersions, 'keptUntilMs'>,
  { store, peerOf, trash }: ListingDependencies,
): Promise<ReplyOf<'versions'>> {
  const name = parseName(text)
  const found = await store.versionsNamed(name, limits.versionsListedMax)
  if (found.every(({ replacedMs }) => replacedMs !== undefined)) {
    const absence = await trash.absence(name)
    if (found.length === 0 || hasCode(absence, 'FILE_DELETED')) throw absence
  }
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

/** Earlier and deleted contents of a name with this hash that can still be fetched. */
export async function keptContents(
  name: string,
  sha256: string,
  { store, peerOf }: Dependencies,
): Promise<FoundContent[]> {
  const versions = await store.versionsNamed(name, limits.versionsListedMax)
  const deleted = await store.trashNamed(name, limits.ownersPerNameMax)
  const found = [...versions, ...deleted]
  const same = new Map(
    found
      .filter(({ content }) => content.sha256 === sha256)
      .map(({ content }) => [content.contentId, content]),
  )
  return [...same.values()]
    .map((content) => foundContent(content, peerOf))
    .filter(({ sources }) => sources.length > 0)
}
