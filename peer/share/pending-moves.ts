/**
 * Moves of users' files that have begun, each recorded in a file of its own:
 *
 *   <data>/.tandem/moves/<number>
 *
 * A file gets its new name before it loses the old one, so that nothing is replaced. A process that is
 * killed in between leaves it with both: the next one removes the old name.
 */
import { lstat, mkdir, readdir, readFile, rm, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { ownFolderName } from '../../common/ids.ts'
import type { Folders } from './folders.ts'
import { openEntry } from './tree-place.ts'

/** Paths below shared/, and which file it is. */
const Move = Type.Object({
  from: Type.String(),
  to: Type.String(),
  dev: Type.String(),
  ino: Type.String(),
})
type Move = Static<typeof Move>

export class PendingMoves {
  readonly #folders: Folders
  readonly #folder: string
  #count = 0

  constructor(folders: Folders) {
    this.#folders = folders
    this.#folder = join(folders.data, ownFolderName, 'moves')
  }

  /** Does the work of a move. Without room for the record it is done all the same: moving needs none. */
  async run<T>(
    { from, to, file }: { from: string; to: string; file: { dev: bigint; ino: bigint } },
    work: () => Promise<T>,
  ): Promise<T> {
    this.#count += 1
    const path = join(this.#folder, String(this.#count))
    const move: Move = { from, to, dev: String(file.dev), ino: String(file.ino) }
    await writeRecord(path, JSON.stringify(move)).catch(() => {})
    try {
      return await work()
    } finally {
      await rm(path, { force: true }).catch(() => {})
    }
  }

  /** Ends the moves that an earlier process has left half-done; what is not as it left it stays. */
  async finish(): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const path = join(this.#folder, name)
      const move = await readRecord(path)
      if (move !== undefined) await this.#finish(move).catch(() => {})
      await rm(path, { recursive: true, force: true }).catch(() => {})
    }
  }

  async #finish({ from, to, ...file }: Move): Promise<void> {
    const root = this.#folders.root({ kind: 'shared' })
    await using entry = await openEntry(this.#folders.at(root, from))
    await using target = await openEntry(this.#folders.at(root, to))
    for (const { path } of [entry, target]) {
      const found = await lstat(path, { bigint: true })
      if (String(found.dev) !== file.dev || String(found.ino) !== file.ino) return
    }
    await unlink(entry.path)
  }
}

async function writeRecord(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}

/** Undefined if it was not written completely: then its move had not begun. */
async function readRecord(path: string): Promise<Move | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(path, 'utf8'))
    return Value.Check(Move, found) ? found : undefined
  } catch {
    return undefined
  }
}
