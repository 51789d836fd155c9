/** The commands for deleted files: `trash` and `restore`. */
import { Argument, Command } from 'commander'
import type { TrashPage } from '../api/file-shapes.ts'
import type { FetchPage } from '../api/pages.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { bytesText, countText } from './human-units.ts'
import { limitOption, printRows } from './listed-rows.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'
import { tableText } from './table.ts'

type TrashedFile = TrashPage['files'][number]

export const trashActions = ['empty'] as const
type TrashAction = (typeof trashActions)[number]

interface TrashOptions {
  readonly force?: boolean
  readonly limit?: number
}

/** Rows shown by default; programs get all. */
const rowsShown = 100

export function trashCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('trash')
    .summary('list or remove deleted files')
    .description(
      'Lists deleted files that can be restored, with the number of live peers that keep them. `trash empty` permanently removes files that this peer deleted: all of them, a file, a folder, or those that match a pattern with * ? [..] **.',
    )
    .addArgument(new Argument('[action]', 'remove them permanently').choices(trashActions))
    .argument('[name]', 'only this file or folder, or those that match this pattern')
    .option('--force', 'also remove files that other peers deleted')
    .addOption(limitOption(rowsShown))
    .action(
      (
        action: TrashAction | undefined,
        name: string | undefined,
        options: Options & TrashOptions,
      ) =>
        run(options, (session) =>
          action === 'empty'
            ? emptyTrash(session, name, options)
            : searchTrash(session, '', options.limit),
        ),
    )
}

export function restoreCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('restore')
    .summary('restore a deleted file')
    .description(
      'Restores a deleted file under its name: its owner fetches it from the peers that keep it and shares it again. If the owner is away, this peer shares it instead. Restoring never overwrites another file.',
    )
    .argument('<name>', 'full name of the file, as listed by `trash`')
    .option('--owner <peer>', 'owner of the file, if several peers deleted a file of this name')
    .action((name: string, options: Options & { readonly owner?: string }) =>
      run(options, (session) => restore(session, name, options.owner)),
    )
}

/** Lists deleted files whose names match a query. */
export async function searchTrash(session: Session, q: string, limit?: number): Promise<void> {
  const fetchPage: FetchPage<TrashedFile> = async (page) => {
    const { files, next } = await session.api.trash({ q, ...page }, session.signal)
    return { rows: files, next }
  }
  await printRows(session, fetchPage, { limit, limitForPeople: rowsShown }, (rows, isMore) =>
    trashText(rows, isMore, styleOf(session.terminal)),
  )
}

async function emptyTrash(
  { api, signal, terminal, json }: Session,
  pattern: string | undefined,
  { force = false }: TrashOptions,
): Promise<void> {
  const request = { force, ...(pattern !== undefined && { pattern }) }
  const emptied = await api.emptyTrash(request, signal)
  const { removed, others } = emptied
  const text = [
    `Removed ${countText(removed, 'deleted file')} permanently.`,
    ...(others === 0
      ? []
      : [`${countText(others, 'file')} of other peers stay: add --force to remove them, too.`]),
  ].join('\n')
  await terminal.print(json ? printableJson(emptied, 2) : text)
}

async function restore(
  { api, signal, terminal, json }: Session,
  name: string,
  owner: string | undefined,
): Promise<void> {
  const restored = await api.restore({ name, ...(owner !== undefined && { owner }) }, signal)
  const { at, size, isDone } = restored
  const what = `'${printable(restored.name)}' (${bytesText(size)})`
  const where = printable(at)
  const tookOver = at === restored.owner ? '' : ` instead of ${printable(restored.owner)}`
  const text = isDone
    ? `Restored ${what}: ${where} shares it${tookOver}.`
    : `${where} is restoring ${what}; \`trash\` lists it until then.`
  await terminal.print(json ? printableJson(restored, 2) : text)
}

const columns = [
  { title: 'NAME' },
  { title: 'OWNER' },
  { title: 'SIZE', align: 'right' },
  { title: 'DELETED' },
  { title: 'KEPT UNTIL' },
  { title: 'COPIES', align: 'right' },
] as const

function trashText(files: readonly TrashedFile[], isMore: boolean, style: Style): string {
  if (files.length === 0) return 'No deleted files.'
  const rows = files.map(({ name, owner, size, deletedMs, keptUntilMs, copies }) => [
    printable(name),
    printable(owner),
    bytesText(size),
    minuteText(deletedMs),
    minuteText(keptUntilMs),
    copies === 0 ? style('red', '0') : String(copies),
  ])
  const table = tableText(columns, rows, (title) => style('bold', title))
  return isMore ? `${table}\n… and more: use --limit N to show them.` : table
}

/** As `2026-11-29 10:08Z`. */
export function minuteText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}Z`
}
