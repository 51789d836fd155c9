import { type AppError, toAppError } from '../../common/errors.ts'
import { eachPage, type FetchPage } from '../api/pages.ts'

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
