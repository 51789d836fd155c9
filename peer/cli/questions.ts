/** The commands that ask and change no bytes: each calls the peer once or page by page, and prints. */
import type { ListedFile, SearchPage } from '../api/shapes.ts'
import type { ListKind } from '../api/words.ts'
import { eachPage, type FetchPage, firstRows } from './pages.ts'
import { printableJson } from './printable.ts'
import {
  listText,
  lookupText,
  peersText,
  problemsText,
  searchText,
  statsText,
  statusText,
  versionsText,
  whyText,
} from './reports.ts'
import type { Session } from './session.ts'
import type { Style } from './style.ts'

/** Rows that people are shown unless they ask for more; programs get all. */
export const rowsShown = { search: 100, list: 1_000 } as const

const styleFor =
  ({ terminal }: Session): Style =>
  (format, text) =>
    terminal.style(format, text)

async function answer<T>(session: Session, value: T, text: (value: T) => string): Promise<void> {
  await session.terminal.print(session.json ? printableJson(value, 2) : text(value))
}

export async function lookup(session: Session, name: string): Promise<void> {
  await answer(session, await session.api.lookup({ name }, session.signal), lookupText)
}

export async function peers(session: Session): Promise<void> {
  const found = await session.api.peers(session.signal)
  await answer(session, found, (value) => peersText(value, styleFor(session)))
}

export async function stats(session: Session): Promise<void> {
  await answer(session, await session.api.stats(session.signal), statsText)
}

export async function status(session: Session): Promise<void> {
  const found = await session.api.status(session.signal)
  await answer(session, found, (value) => statusText(value, styleFor(session)))
}

export async function problems(session: Session): Promise<void> {
  const found = await session.api.problems(session.signal)
  await answer(session, found, (value) => problemsText(value, styleFor(session)))
}

export async function why(session: Session, name: string): Promise<void> {
  const found = await session.api.why({ name }, session.signal)
  await answer(session, found, (value) => whyText(value, styleFor(session)))
}

export async function versions(session: Session, name: string): Promise<void> {
  const found = await session.api.versions({ name }, session.signal)
  await answer(session, found, (value) => versionsText(value, styleFor(session)))
}

export async function search(session: Session, query: string, limit?: number): Promise<void> {
  const fetchPage: FetchPage<SearchPage['files'][number]> = async (page) => {
    const { files, next } = await session.api.search({ q: query, ...page }, session.signal)
    return { rows: files, next }
  }
  await answerRows(session, fetchPage, limit, rowsShown.search, (rows, isMore) =>
    searchText(rows, isMore, styleFor(session)),
  )
}

export async function list(session: Session, kind: ListKind, limit?: number): Promise<void> {
  const fetchPage: FetchPage<ListedFile> = async (page) => {
    const { files, next } = await session.api.list({ kind, ...page }, session.signal)
    return { rows: files, next }
  }
  await answerRows(session, fetchPage, limit, rowsShown.list, (rows, isMore) =>
    listText(kind, rows, isMore),
  )
}

/** People get the first rows as one text; programs get every row, page by page, however many there are. */
async function answerRows<Row>(
  session: Session,
  fetchPage: FetchPage<Row>,
  limit: number | undefined,
  limitForPeople: number,
  text: (rows: Row[], isMore: boolean) => string,
): Promise<void> {
  if (session.json && limit === undefined) return await printJsonRows(session, fetchPage)
  const { rows, isMore, failure } = await firstRows(fetchPage, limit ?? limitForPeople)
  await answer(session, rows, () => text(rows, isMore))
  // What this peer has is shown even when the index cannot be asked for the rest.
  if (failure !== undefined) throw failure
}

async function printJsonRows<Row>(session: Session, fetchPage: FetchPage<Row>): Promise<void> {
  let opening = '['
  for await (const page of eachPage(fetchPage)) {
    if (page.length === 0) continue
    await session.terminal.print(
      `${opening}\n${page.map((row) => `  ${printableJson(row)}`).join(',\n')}`,
    )
    opening = ','
  }
  await session.terminal.print(opening === '[' ? '[]' : ']')
}
