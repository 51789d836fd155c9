/** What commands that list rows page by page share. */
import { InvalidArgumentError, Option } from 'commander'
import { eachPage, type FetchPage } from '../api/pages.ts'
import { firstRows } from './pages.ts'
import { printableJson } from './printable.ts'
import type { Session } from './session.ts'

/** Prints the first rows as one text, or every row as JSON, streamed page by page. */
export async function printRows<Row>(
  session: Session,
  fetchPage: FetchPage<Row>,
  { limit, limitForPeople }: { limit: number | undefined; limitForPeople: number },
  text: (rows: Row[], isMore: boolean) => string,
): Promise<void> {
  const { terminal, json } = session
  if (json && limit === undefined) return await printJsonRows(session, fetchPage)
  const { rows, isMore, failure } = await firstRows(fetchPage, limit ?? limitForPeople)
  await terminal.print(json ? printableJson(rows, 2) : text(rows, isMore))
  // The files of this peer are shown even if the index cannot list the others.
  if (failure !== undefined) throw failure
}

async function printJsonRows<Row>({ terminal }: Session, fetchPage: FetchPage<Row>): Promise<void> {
  let opening = '['
  for await (const page of eachPage(fetchPage)) {
    if (page.length === 0) continue
    const rows = page.map((row) => `  ${printableJson(row)}`)
    await terminal.print(`${opening}\n${rows.join(',\n')}`)
    opening = ','
  }
  await terminal.print(opening === '[' ? '[]' : ']')
}

export function limitOption(rowsForPeople: number): Option {
  return new Option(
    '--limit <rows>',
    `maximum number of rows (default: ${rowsForPeople}; unlimited with --json)`,
  ).argParser(parseRows)
}

export function parseRows(text: string): number {
  const rows = Number(text)
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new InvalidArgumentError('Must be a whole number, 1 or more.')
  return rows
}
