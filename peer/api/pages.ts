/** Reads lists that come page by page. */
import { limits } from '../../common/limits.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'

interface Page<Row> {
  readonly rows: readonly Row[]
  readonly next?: string | undefined
}

/** Fetches one page: at most `limit` rows after the page whose `next` is `after`. */
export type FetchPage<Row> = (request: { limit: number; after?: string }) => Promise<Page<Row>>

/** All pages in order, one in memory at a time. */
export async function* eachPage<Row>(fetchPage: FetchPage<Row>): AsyncGenerator<readonly Row[]> {
  let after: string | undefined
  do {
    const page = await fetchPage({
      limit: limits.pageRowsMax,
      ...(after !== undefined && { after }),
    })
    yield page.rows
    after = page.next
  } while (after !== undefined)
}

/** All rows. An empty page ends a list that claims to continue: its server would never end it. */
async function allRows<Row>(fetchPage: FetchPage<Row>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const page of eachPage(fetchPage)) {
    if (page.length === 0) break
    rows.push(...page)
  }
  return rows
}

/** The whole registry, by peer id; at most `limits.peersMax` peers. @throws AppError INDEX_UNREACHABLE */
export async function allPeers(
  api: Pick<PeerApi, 'peers'>,
  signal?: AbortSignal,
): Promise<CallReply<'peers'>['peers']> {
  let count = 0
  return await allRows(async (page) => {
    const { peers, next } = await api.peers(page, signal)
    count += peers.length
    return { rows: peers, next: count < limits.peersMax ? next : undefined }
  })
}

/** All downloads of a peer, oldest first. */
export async function allDownloads(
  api: Pick<PeerApi, 'downloads'>,
  signal?: AbortSignal,
): Promise<CallReply<'downloads'>['downloads']> {
  return await allRows(async (page) => {
    const { downloads, next } = await api.downloads(page, signal)
    return { rows: downloads, next }
  })
}

/** All problems that a peer lists, and their total. */
export async function allProblems(
  api: Pick<PeerApi, 'problems'>,
  signal?: AbortSignal,
): Promise<Omit<CallReply<'problems'>, 'next'>> {
  let total = 0
  const problems = await allRows(async (page) => {
    const { problems: rows, next, ...counts } = await api.problems(page, signal)
    total = counts.total
    return { rows, next }
  })
  return { total, problems }
}

/** All versions of a file. @throws AppError NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED */
export async function allVersions(
  api: Pick<PeerApi, 'versions'>,
  { name }: Pick<CallRequest<'versions'>, 'name'>,
  signal?: AbortSignal,
): Promise<Omit<CallReply<'versions'>, 'next'>> {
  const versions = await allRows(async (page) => {
    const { versions: rows, next } = await api.versions({ name, ...page }, signal)
    return { rows, next }
  })
  return { name, versions }
}
