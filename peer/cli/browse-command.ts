import { Command } from 'commander'
import type { Folder } from '../api/file-shapes.ts'
import type { FetchPage } from '../api/pages.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { bytesText } from './human-units.ts'
import { limitOption, printRows } from './listed-rows.ts'
import { printable } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'
import { tableText } from './table.ts'
import { minuteText } from './trash-commands.ts'

type FolderEntry = Folder['entries'][number]

/** Rows shown by default; programs get all. */
const rowsShown = 500

export function browseCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('browse')
    .summary('list the files and folders in a folder of the cluster')
    .description(
      'Lists the files and folders directly in a folder of the cluster, on all peers. Without a folder, lists the top level.',
    )
    .argument('[folder]', 'folder, such as photos/2026', '')
    .addOption(limitOption(rowsShown))
    .action((folder: string, options: Options & { readonly limit?: number }) =>
      run(options, (session) => browse(session, folder, options.limit)),
    )
}

async function browse(session: Session, folder: string, limit?: number): Promise<void> {
  const fetchPage: FetchPage<FolderEntry> = async (page) => {
    const { entries, next } = await session.api.folder({ folder, ...page }, session.signal)
    return { rows: entries, next }
  }
  await printRows(session, fetchPage, { limit, limitForPeople: rowsShown }, (rows, isMore) =>
    folderText(folder, rows, isMore, styleOf(session.terminal)),
  )
}

const columns = [
  { title: 'NAME' },
  { title: 'SIZE', align: 'right' },
  { title: 'MODIFIED' },
  { title: 'COPIES', align: 'right' },
  { title: 'VERSIONS', align: 'right' },
] as const

function folderText(
  folder: string,
  entries: readonly FolderEntry[],
  isMore: boolean,
  style: Style,
): string {
  if (entries.length === 0)
    return folder === '' ? 'No files.' : `No files in '${printable(folder)}'.`
  const rows = entries.map((entry) =>
    entry.type === 'folder'
      ? [style('bold', `${printable(entry.name)}/`), '-', '-', '-', '-']
      : [
          printable(entry.name),
          bytesText(entry.size),
          minuteText(entry.modifiedMs),
          entry.copies === 0 ? style('red', '0') : String(entry.copies),
          String(entry.versions),
        ],
  )
  const table = tableText(columns, rows, (title) => style('bold', title))
  return isMore ? `${table}\n… and more: use --limit N to show them.` : table
}
