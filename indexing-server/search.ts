import type { Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { type NameQuery, parseNameQuery } from '../common/name-query.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { FoundName, ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import type { LoopTurns } from './loop-turns.ts'
import type { Candidates, NameSearch } from './name-search/name-search.ts'
import { folded } from './name-search/trigrams.ts'
import { liveCopies, type PeerOf } from './rank.ts'
import type { IndexStore, ListedName } from './store/store.ts'

/** Names read from the database at a time: about 2 ms. */
const namesPerSlice = 2_000
/** Time that a search takes before other events have a turn. */
const searchTurnMs = 5

/** If names that may match rarely do, all are read sooner. */
const candidatePagesMax = 20
/** Sorts after all contents of a name: the largest id that a cursor holds. */
export const lastContentId = 999_999_999_999_999

export interface SearchDependencies {
  readonly store: Pick<IndexStore, 'listNames' | 'rowsNamed' | 'contents' | 'modifiedTimes'>
  readonly peerOf: PeerOf
  /** Shared by all searches, so that together they delay others no longer than one of them. */
  readonly turns: LoopTurns
  readonly clock: Clock
  /** Finds names without reading all of them, if it can. */
  readonly names?: Pick<NameSearch, 'candidates' | 'onAbsent'> | undefined
}

/**
 * One page of the names that match a query, each with one of its contents, sorted by name. The
 * cursor is the last row itself, so that pages neither repeat nor skip rows while files change.
 * @throws AppError BAD_REQUEST if `after` is not a cursor; the signal's reason
 */
export async function search(
  { query, limit, after }: RequestOf<'search'>,
  dependencies: SearchDependencies,
  signal: AbortSignal,
): Promise<ReplyOf<'search'>> {
  const { store, peerOf } = dependencies
  const wanted = parseNameQuery(query)
  const start = after === undefined ? { name: wanted.prefix, contentId: 0 } : parseCursor(after)
  const found = await matchesFrom(start, wanted, limit + 1, dependencies, signal)
  const page = found.slice(0, limit)
  const rows = thatFitFrame(await describe(page, store, peerOf))
  const last = rows.length < page.length ? rows.at(-1)?.listed : page.at(-1)
  const isWhole = rows.length === page.length && found.length <= limit
  const files = rows.map(({ row }) => row)
  return isWhole || last === undefined ? { files } : { files, next: toCursor(last) }
}

/**
 * At most `max` matching rows from `start` on, sorted; in short turns, however long the query and the
 * names are.
 * @throws the signal's reason
 */
export async function matchesFrom(
  start: ListedName,
  query: NameQuery,
  max: number,
  dependencies: SearchDependencies,
  signal: AbortSignal,
): Promise<ListedName[]> {
  const { names } = dependencies
  const fragments = query.fragments.map(folded)
  const found: ListedName[] = []
  let from = start
  for (let pages = 0; pages < candidatePagesMax; pages += 1) {
    const candidates = await names?.candidates(fragments, { name: from.name, isAfter: pages > 0 })
    if (candidates === undefined) break
    const left = max - found.length
    found.push(...(await amongCandidates({ candidates, from }, query, left, dependencies, signal)))
    const { until } = candidates
    if (until === undefined || found.length === max) return found
    from = { name: until, contentId: lastContentId }
  }
  return [...found, ...(await scan(from, query, max - found.length, dependencies, signal))]
}

/** Reads the names in order. */
async function scan(
  start: ListedName,
  { prefix, matches }: NameQuery,
  max: number,
  { store, turns, clock }: SearchDependencies,
  signal: AbortSignal,
): Promise<ListedName[]> {
  const found: ListedName[] = []
  let from = start
  for (;;) {
    await turns.next()
    signal.throwIfAborted()
    const endMs = clock.monotonicMs() + searchTurnMs
    const slice = await store.listNames(from, namesPerSlice)
    for (const listed of slice) {
      if (!listed.name.startsWith(prefix)) return found
      if (matches(listed.name)) found.push(listed)
      if (found.length === max) return found
      from = listed
      if (clock.monotonicMs() > endMs) break
    }
    const last = slice.at(-1)
    if (last === undefined || (from === last && slice.length < namesPerSlice)) return found
  }
}

/** Reads the rows of names that may match. */
async function amongCandidates(
  { candidates, from }: { readonly candidates: Candidates; readonly from: ListedName },
  { matches }: NameQuery,
  max: number,
  { store, turns, clock, names }: SearchDependencies,
  signal: AbortSignal,
): Promise<ListedName[]> {
  const found: ListedName[] = []
  const absent: string[] = []
  let endMs = clock.monotonicMs() + searchTurnMs
  for (const name of candidates.names) {
    if (found.length === max) break
    if (!matches(name)) continue
    if (clock.monotonicMs() > endMs) {
      await turns.next()
      signal.throwIfAborted()
      endMs = clock.monotonicMs() + searchTurnMs
    }
    const start = name === from.name ? from : { name, contentId: 0 }
    const rows = await store.rowsNamed(start, max - found.length)
    if (rows.length === 0 && start !== from) absent.push(name)
    found.push(...rows)
  }
  await names?.onAbsent(absent, candidates)
  return found
}

interface DescribedName {
  readonly listed: ListedName
  readonly row: FoundName
}

async function describe(
  page: readonly ListedName[],
  store: Pick<IndexStore, 'contents' | 'modifiedTimes'>,
  peerOf: PeerOf,
): Promise<DescribedName[]> {
  const contents = await store.contents([...new Set(page.map(({ contentId }) => contentId))])
  const byId = new Map(contents.map((content) => [content.contentId, content]))
  const times = await store.modifiedTimes(page)
  return page.flatMap((listed, index) => {
    const content = byId.get(listed.contentId)
    if (content === undefined) return []
    const { sha256, size, holders } = content
    const copies = liveCopies(holders, peerOf)
    const modifiedMs = times[index]
    const row = { name: listed.name, sha256, size, ...(modifiedMs !== undefined && { modifiedMs }) }
    return [{ listed, row: { ...row, copies } }]
  })
}

export function toCursor({ name, contentId }: ListedName): string {
  return `${contentId}/${name}`
}

export function parseCursor(text: string): ListedName {
  const slash = text.indexOf('/')
  const contentId = Number(text.slice(0, slash))
  if (!/^\d{1,15}\//.test(text) || !Number.isSafeInteger(contentId))
    throw new AppError('BAD_REQUEST', { path: 'after', reason: 'is not a cursor' })
  return { name: text.slice(slash + 1), contentId }
}
