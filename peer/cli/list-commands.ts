/** The commands that list files page by page. */
import { Argument, Command, InvalidArgumentError } from 'commander'
import type { ListedFile, SearchPage } from '../api/file-shapes.ts'
import type { FetchPage } from '../api/pages.ts'
import { type ListKind, listKinds } from '../api/words.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { limitOption, printRows } from './listed-rows.ts'
import { listText, searchText } from './reports.ts'
import type { Session } from './session.ts'
import { styleOf } from './style.ts'
import { searchTrash } from './trash-commands.ts'

/** Rows shown by default; programs get all. */
const rowsShown = { search: 100, list: 1_000 } as const

/** The kinds as users write them; `local` means shared/. */
export const listWords = ['local', 'downloaded', 'replicated', 'remote', 'both'] as const

type WithLimit = { readonly limit?: number }
type SearchOptions = WithLimit & { readonly deleted?: boolean }

export function searchCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('search')
    .summary('search file names')
    .description(
      'Searches file names for a substring, ignoring case, or for a pattern with * ? [..] **.',
    )
    .argument('[query]', 'substring or pattern; without it all names match', '')
    .option('--deleted', 'search the deleted files that can be restored')
    .addOption(limitOption(rowsShown.search))
    .action((query: string, options: Options & SearchOptions) =>
      run(options, (session) =>
        options.deleted === true
          ? searchTrash(session, query, options.limit)
          : search(session, query, options.limit),
      ),
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
  await printRows(session, fetchPage, { limit, limitForPeople: rowsShown.search }, (rows, isMore) =>
    searchText(rows, isMore, styleOf(session.terminal)),
  )
}

async function list(session: Session, kind: ListKind, limit?: number): Promise<void> {
  const fetchPage: FetchPage<ListedFile> = async (page) => {
    const { files, next } = await session.api.list({ kind, ...page }, session.signal)
    return { rows: files, next }
  }
  await printRows(session, fetchPage, { limit, limitForPeople: rowsShown.list }, (rows, isMore) =>
    listText(kind, rows, isMore),
  )
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
