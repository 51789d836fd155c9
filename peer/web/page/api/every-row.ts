import type { FetchPage } from '../parts/paged-list.ts'

/** All rows of a list, page by page. @throws Problem; AbortError */
export async function everyRow<Row>(
  fetch: FetchPage<Row>,
  signal: AbortSignal = new AbortController().signal,
): Promise<Row[]> {
  const rows: Row[] = []
  let after: string | undefined
  do {
    const page = await fetch(after, signal)
    rows.push(...page.rows)
    after = page.next
  } while (after !== undefined)
  return rows
}
