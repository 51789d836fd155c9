import { limits } from '../../common/limits.ts'

interface Page<Row> {
  readonly rows: readonly Row[]
  readonly next?: string | undefined
}

/** Asks for one page: at most `limit` rows after the page that gave `after`. */
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

/** The first `count` rows, and whether there are more. */
export async function firstRows<Row>(
  fetchPage: FetchPage<Row>,
  count: number,
): Promise<{ rows: Row[]; isMore: boolean }> {
  const rows: Row[] = []
  for await (const page of eachPage(fetchPage)) {
    const room = count - rows.length
    rows.push(...page.slice(0, room))
    if (page.length > room) return { rows, isMore: true }
  }
  return { rows, isMore: false }
}
