import { type AppError, toAppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'

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

export interface FirstRows<Row> {
  readonly rows: Row[]
  readonly isMore: boolean
  /** Why the next page could not be fetched, if so. */
  readonly failure?: AppError
}

/**
 * The first `count` rows. If a later page fails, returns the rows before it.
 * @throws the error of the first page
 */
export async function firstRows<Row>(
  fetchPage: FetchPage<Row>,
  count: number,
): Promise<FirstRows<Row>> {
  const rows: Row[] = []
  try {
    for await (const page of eachPage(fetchPage)) {
      const room = count - rows.length
      rows.push(...page.slice(0, room))
      if (page.length > room) return { rows, isMore: true }
    }
  } catch (failure) {
    if (rows.length === 0) throw failure
    return { rows, isMore: false, failure: toAppError(failure) }
  }
  return { rows, isMore: false }
}
