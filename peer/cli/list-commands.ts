/** The commands that list files page by page. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import type { ListedFile, SearchPage } from '../api/shapes.ts'
import { type ListKind, listKinds } from '../api/words.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { eachPage, type FetchPage, firstRows } from './pages.ts'
import { printableJson } from './printable.ts'
import { listText, searchText } from './reports.ts'
import type { Session } from './session.ts'
import { styleOf } from './style.ts'

/** Rows shown by default; programs get all. */
const rowsShown = { search: 100, list: 1_000 } as const

/** The kinds as users write them; `local` means shared/. */
export const listWords = ['local', 'downloaded', 'replicated', 'remote', 'both'] as const

type WithLimit = { readonly limit?: number }

export function searchCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('search')
    .summary('search file names')
    .description(
      'Searches file names for a substring, ignoring case, or for a pattern with * ? [..] **.',
    )
    .argument('[query]', 'substring or pattern; without it all names match', '')
    .addOption(limitOption(rowsShown.search))
    .action((query: string, options: Options & WithLimit) =>
      run(options, (session) => search(session, query, options.limit)),
    )
}

export function listCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('list')
    .summary('list local and remote files')
    .description(
      'Lists files: local (in shared/), downloaded, replicated (kept for other peers), remote (only on other peers), or both.',
    )
    .addArgument(kindArgument())
    .addOption(limitOption(rowsShown.list))
    .action((kind: ListKind, options: Options & WithLimit) =>
      run(options, (session) => list(session, kind, options.limit)),
    )
}

async function search(session: Session, q: string, limit?: number): Promise<void> {
  const fetchPage: FetchPage<SearchPage['files'][number]> = async (page) => {
    const { files, next } = await session.api.search({ q, ...page }, session.signal)
    return { rows: files, next }
  }
  await printRows(session, fetchPage, limit, rowsShown.search, (rows, isMore) =>
    searchText(rows, isMore, styleOf(session.terminal)),
  )
}

async function list(session: Session, kind: ListKind, limit?: number): Promise<void> {
  const fetchPage: FetchPage<ListedFile> = async (page) => {
    const { files, next } = await session.api.list({ kind, ...page }, session.signal)
    return { rows: files, next }
  }
  await printRows(session, fetchPage, limit, rowsShown.list, (rows, isMore) =>
    listText(kind, rows, isMore),
  )
}

/** Prints the first rows as one text, or every row as JSON, streamed page by page. */
async function printRows<Row>(
  session: Session,
  fetchPage: FetchPage<Row>,
  limit: number | undefined,
  limitForPeople: number,
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

function limitOption(rowsForPeople: number): Option {
  return new Option(
    '--limit <rows>',
    `maximum number of rows (default: ${rowsForPeople}; unlimited with --json)`,
  ).argParser(parseRows)
}

function kindArgument(): Argument {
  return new Argument('[kind]', `one of ${listWords.join(', ')}`)
    .default('both' satisfies ListKind)
    .argParser(parseKind)
}

function parseKind(text: string): ListKind {
  const word = text.toLowerCase()
  const kind = word === 'local' ? 'shared' : listKinds.find((each) => each === word)
  if (kind === undefined) throw new InvalidArgumentError(`Must be one of ${listWords.join(', ')}.`)
  return kind
}

export function parseRows(text: string): number {
  const rows = Number(text)
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new InvalidArgumentError('Must be a whole number, 1 or more.')
  return rows
}
