import { type AppError, toAppError } from '../../common/errors.ts'
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

/** What was found of the first rows. */
export interface FirstRows<Row> {
  readonly rows: Row[]
  readonly isMore: boolean
  /** Why the pages after these rows could not be had, if so. */
  readonly failure?: AppError
}

/**
 * The first `count` rows. A page that fails after others takes nothing from them.
 * @throws what the first page throws
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
