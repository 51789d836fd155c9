import { AppError, hasCode } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { FileVersion, FoundContent, ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import { foundContent, liveCopies, type PeerOf } from './rank.ts'
import type { ReplacedVersions } from './replication/replaced-versions.ts'
import type { IndexStore, StoredVersion, VersionKey } from './store/store.ts'
import type { Trash } from './trash.ts'

interface Dependencies {
  readonly store: Pick<IndexStore, 'trashNamed' | 'versionsNamed'>
  readonly peerOf: PeerOf
}

interface ListingDependencies extends Dependencies {
  readonly trash: Pick<Trash, 'absence'>
}

/**
 * One page of the current contents of a name, and the replaced ones that are kept.
 * @throws AppError NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED; BAD_REQUEST if `after` is not a cursor
 */
export async function versions(
  { name: text, limit = limits.versionsListedMax, after }: RequestOf<'versions'>,
  replaced: Pick<ReplacedVersions, 'keptUntilMs'>,
  { store, peerOf, trash }: ListingDependencies,
): Promise<ReplyOf<'versions'>> {
  const name = parseName(text)
  const start = after === undefined ? undefined : parseCursor(after)
  // Every page depends on the current contents, with which the first one begins.
  const first = await store.versionsNamed(name, { limit: limits.versionsListedMax + 1 })
  if (first.every(({ replacedMs }) => replacedMs !== undefined)) {
    const absence = await trash.absence(name)
    if (first.length === 0 || hasCode(absence, 'FILE_DELETED')) throw absence
  }
  const currentOf = new Map(
    first.filter(({ replacedMs }) => replacedMs === undefined).map((one) => [one.owner, one]),
  )
  const found =
    start === undefined
      ? first
      : await store.versionsNamed(name, { limit: limit + 1, after: start })
  const described = found.slice(0, limit).map((version): FileVersion => {
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
  const listed = thatFitFrame(described)
  const last = found[listed.length - 1]
  const isMore = found.length > listed.length && last !== undefined
  return { versions: listed, ...(isMore && { next: toCursor(last) }) }
}

function toCursor({ owner, replacedMs, content: { contentId } }: StoredVersion): string {
  return `${replacedMs ?? ''}/${contentId}/${owner}`
}

/** @throws AppError BAD_REQUEST */
function parseCursor(cursor: string): VersionKey {
  const [, replacedMs, contentId, owner = ''] = /^(\d{0,15})\/(\d{1,15})\/(.+)$/.exec(cursor) ?? []
  if (owner === '') throw new AppError('BAD_REQUEST', { path: 'after', reason: 'is not a cursor' })
  return {
    replacedMs: replacedMs === '' ? undefined : Number(replacedMs),
    contentId: Number(contentId),
    owner,
  }
}

/** Earlier and deleted contents of a name with this hash that can still be fetched. */
export async function keptContents(
  name: string,
  sha256: string,
  { store, peerOf }: Dependencies,
): Promise<FoundContent[]> {
  const versions = await store.versionsNamed(name, { limit: limits.ownersPerNameMax, sha256 })
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
