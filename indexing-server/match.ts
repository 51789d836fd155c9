import { limits } from '../common/limits.ts'
import { parsePattern } from '../common/name-query.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { MatchedFile, ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import { rankContents, rankSources } from './rank.ts'
import {
  lastContentId,
  matchesFrom,
  parseCursor,
  type SearchDependencies,
  toCursor,
} from './search.ts'
import type { IndexStore, ListedName, StoredContent } from './store/store.ts'

export interface MatchDependencies extends SearchDependencies {
  readonly store: SearchDependencies['store'] & Pick<IndexStore, 'contentsNamed'>
}

/**
 * One page of the files that match a pattern, sorted by name: each name once, with the content that
 * a lookup lists first.
 * @throws AppError BAD_REQUEST if `after` is not a cursor; the signal's reason
 */
export async function match(
  { pattern, limit, after, withModified = false }: RequestOf<'match'>,
  dependencies: MatchDependencies,
  signal: AbortSignal,
): Promise<ReplyOf<'match'>> {
  const wanted = parsePattern(pattern)
  const start = after === undefined ? { name: wanted.prefix, contentId: 0 } : parseCursor(after)
  const listed = await matchesFrom(start, wanted, limit, dependencies, signal)
  const described = await describe(listed, dependencies, signal)
  const found = described.map(({ file }) => file)
  if (withModified) {
    const times = await dependencies.store.modifiedTimes(described.map(({ row }) => row))
    for (const [index, modifiedMs] of times.entries())
      if (modifiedMs !== undefined) Object.assign(found[index] ?? {}, { modifiedMs })
  }
  const files = thatFitFrame(found)
  const isWhole = files.length === found.length
  if (isWhole && listed.length < limit) return { files }
  const name = isWhole ? listed.at(-1)?.name : files.at(-1)?.name
  return name === undefined
    ? { files }
    : { files, next: toCursor({ name, contentId: lastContentId }) }
}

async function describe(
  listed: readonly ListedName[],
  { store, peerOf, turns }: MatchDependencies,
  signal: AbortSignal,
): Promise<{ readonly row: ListedName; readonly file: MatchedFile }[]> {
  const files: { row: ListedName; file: MatchedFile }[] = []
  const names = [...Map.groupBy(listed, ({ name }) => name)]
  const cutOff = listed.at(-1)?.name
  for (let first = 0; first < names.length; first += limits.contentsPerSlice) {
    await turns.next()
    signal.throwIfAborted()
    const slice = names.slice(first, first + limits.contentsPerSlice)
    const single = slice.flatMap(([, rows]) => (rows.length === 1 ? rows : []))
    const contents = await store.contents(single.map(({ contentId }) => contentId))
    const byId = new Map(contents.map((content) => [content.contentId, content]))
    for (const [name, [row, ...others]] of slice) {
      // More contents of the last name may be beyond the page.
      const mayBeOne = row !== undefined && others.length === 0 && name !== cutOff
      const content = mayBeOne ? byId.get(row.contentId) : await bestOf(name)
      if (content === undefined) continue
      const { contentId } = content
      files.push({ row: { name, contentId }, file: matchedFile(name, content) })
    }
  }
  return files

  async function bestOf(name: string): Promise<StoredContent | undefined> {
    return rankContents(await store.contentsNamed(name, limits.contentsPerNameMax), peerOf)[0]
  }

  function matchedFile(name: string, content: StoredContent): MatchedFile {
    const { sha256, size, chunkRoot, holders } = content
    const sources = rankSources(holders, peerOf, limits.sourcesPerTaskMax)
    return { name, sha256, size, chunkRoot, sources }
  }
}
