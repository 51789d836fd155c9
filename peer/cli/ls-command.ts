import { lstat, opendir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { AppError, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { untilAborted } from '../../common/interrupted.ts'
import { bytesText, countText } from './human-units.ts'
import { printable } from './printable.ts'
import { styleOf } from './style.ts'
import { tableText } from './table.ts'
import type { Terminal } from './terminal.ts'

/** Names read from a folder; more fill screens, and would take memory. */
const namesReadMax = 100_000
/** Rows shown. */
const rowsShown = 1_000

interface Place {
  readonly workingFolder: string
  readonly terminal: Terminal
  readonly signal: AbortSignal
}

/** Lists the folder that typed paths, such as that of `push`, begin in: for the prompt, as a shell has its own. */
export function lsCommand({ workingFolder, terminal, signal }: Place): Command {
  return new Command('ls')
    .summary('list the working folder on this machine')
    .description(
      'Lists the files and folders of the working folder of this peer, in which the paths for `push` begin, or of another folder on this machine. `list` lists the files of the peer.',
    )
    .argument('[folder]', 'path of a folder', '.')
    .action(async (folder: string) => {
      const path = resolve(workingFolder, folder)
      await untilAborted(signal, async () => {
        const listed = await listFolder(path, signal)
        await terminal.print(folderText(path, listed, terminal))
      })
    })
}

interface Row {
  readonly name: string
  /** Undefined for what is no regular file. */
  readonly size: number | undefined
}

interface ListedFolder {
  readonly rows: readonly Row[]
  /** Entries that are not among the rows. */
  readonly others: number
  /** Whether the folder has still more of them. */
  readonly isCut: boolean
}

/** @throws AppError FILE_NOT_FOUND, DISK_FAILED; the signal's reason */
async function listFolder(path: string, signal: AbortSignal): Promise<ListedFolder> {
  try {
    const names: string[] = []
    let isCut = false
    for await (const entry of await opendir(path)) {
      signal.throwIfAborted()
      isCut = names.length === namesReadMax
      if (isCut) break
      names.push(entry.isDirectory() ? `${entry.name}/` : entry.name)
    }
    const shown = names.toSorted((a, b) => (a < b ? -1 : 1)).slice(0, rowsShown)
    const rows: Row[] = []
    for (const name of shown) {
      signal.throwIfAborted()
      rows.push({ name, size: name.endsWith('/') ? undefined : await sizeOf(join(path, name)) })
    }
    return { rows, others: names.length - rows.length, isCut }
  } catch (error) {
    if (signal.aborted) throw error
    if (systemErrorCode(error) === 'ENOENT')
      throw new AppError('FILE_NOT_FOUND', { path }, { cause: error })
    const details = { action: 'list', path, reason: reasonOf(error) }
    throw new AppError('DISK_FAILED', details, { cause: error })
  }
}

/** Undefined if it is gone, or no regular file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    const stat = await lstat(path)
    return stat.isFile() ? stat.size : undefined
  } catch {
    return undefined
  }
}

function folderText(
  path: string,
  { rows, others, isCut }: ListedFolder,
  terminal: Terminal,
): string {
  const title = `${printable(path)}:`
  if (rows.length === 0) return `${title} empty`
  const style = styleOf(terminal)
  const table = tableText(
    [{ title: 'NAME' }, { title: 'SIZE', align: 'right' }],
    rows.map(({ name, size }) => [printable(name), size === undefined ? '' : bytesText(size)]),
    (title) => style('bold', title),
  )
  const more = others > 0 ? [`… and ${isCut ? 'at least ' : ''}${countText(others, 'other')}`] : []
  return [title, table, ...more].join('\n')
}
