import { dirname, join } from 'node:path'
import type { FileStat } from '../../common/content/hash.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import type { Content, CopyKey } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { Catalog } from './catalog.ts'
import type { CatalogFile, Entry } from './entry.ts'
import { isSameStat } from './file-stat.ts'
import { type Folders, type Location, makeParents } from './folders.ts'
import type { OwnWrites } from './own-writes.ts'
import type { Placer } from './placer.ts'
import type { SmallWriter } from './small-writer.ts'

/** A small file that is complete, verified and in memory, and where it shall go. */
export interface SmallAdoption {
  readonly key: CopyKey
  readonly content: Content
  readonly bytes: Uint8Array
}

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly placer: Pick<Placer, 'inTurn' | 'place'>
  /** What the catalog calls the present run of the machine. */
  readonly bootId: string
  readonly writer: SmallWriter
  readonly ownWrites: OwnWrites
  readonly random: Random
}

type Outcome = CatalogFile | AppError

/**
 * Puts small files into their places, many at a time: written by one call to a thread, recorded in one
 * transaction. They are not flushed; the catalog remembers which are not (docs/decisions/0009).
 */
export class GroupPlacer {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Places each file as {@link Placer.adopt} would.
   * @returns its entry or, with the codes of that, why there is none
   * @throws AppError DISK_FULL, DISK_FAILED when the catalog cannot be written: all are left for the next scan
   */
  async adopt(files: readonly SmallAdoption[]): Promise<(Entry | AppError)[]> {
    const { catalog, placer, ownWrites, bootId } = this.#dependencies
    const outcomes = await placer.inTurn(() => this.#place(files))
    const entries = catalog.group(() =>
      outcomes.map((placed) =>
        placed instanceof AppError ? placed : catalog.putUnflushed(placed, bootId),
      ),
    )
    for (const entry of entries)
      if (!(entry instanceof AppError)) ownWrites.add(entry.at.path, entry.stat)
    return entries
  }

  /** Which of these files have this content in their place, as the catalog knows them. */
  async areThere(files: readonly Omit<SmallAdoption, 'bytes'>[]): Promise<boolean[]> {
    const known = files.map(({ key, content }) => {
      const entry = this.#dependencies.catalog.get(key)
      return entry?.content.sha256 === content.sha256 ? entry : undefined
    })
    const paths = known.flatMap((entry) => (entry === undefined ? [] : [entry.at.path]))
    const seen = await this.#dependencies.writer.look(paths)
    const stats = new Map(paths.map((path, index) => [path, seen[index]]))
    return known.map((entry) => {
      const stat = entry && stats.get(entry.at.path)
      return entry !== undefined && stat !== undefined && isSameStat(stat, entry.stat)
    })
  }

  async #place(files: readonly SmallAdoption[]): Promise<Outcome[]> {
    const { folders, random } = this.#dependencies
    const group = randomId(random)
    const located = await this.#locate(files)
    const placeable = files.flatMap((file, index) => {
      const at = located[index]
      if (at === undefined || at instanceof AppError) return []
      return [{ file, at, partialPath: join(folders.incoming, `${group}-${index}`) }]
    })
    for (const { at } of placeable) this.#dependencies.ownWrites.add(at.path)
    const written = await this.#dependencies.writer.write(
      placeable.map(({ file, at, partialPath }) => ({
        path: at.path,
        partialPath,
        bytes: file.bytes,
      })),
    )
    const outcomes = new Map<SmallAdoption, Outcome>()
    for (const [index, one] of placeable.entries())
      outcomes.set(one.file, await this.#settle(one, written[index]))
    return files.map((file, index) => outcomes.get(file) ?? (located[index] as AppError))
  }

  /** What became of a file; one whose place is taken is put where the others of its kind go then. */
  async #settle(
    { file, at, partialPath }: { file: SmallAdoption; at: Location; partialPath: string },
    outcome: FileStat | 'taken' | Error | undefined,
  ): Promise<Outcome> {
    const { key, content } = file
    try {
      if (outcome instanceof Error) throw outcome
      if (outcome !== undefined && outcome !== 'taken') return { at, stat: outcome, content }
      const placed = await this.#dependencies.placer.place({ ...key, content, partialPath })
      return { at: placed.at, stat: placed.stat, content }
    } catch (error) {
      return diskError({ action: 'create', path: key.name, neededBytes: content.size }, error)
    }
  }

  /** The places, with the folders above them; each folder is made once. */
  async #locate(files: readonly SmallAdoption[]): Promise<(Location | AppError)[]> {
    const parents = new Map<string, Promise<unknown>>()
    return await Promise.all(
      files.map(async ({ key, content }) => {
        try {
          const at = this.#dependencies.folders.place(key)
          const folder = dirname(at.path)
          const made = parents.get(folder) ?? makeParents(at)
          parents.set(folder, made)
          await made
          return at
        } catch (error) {
          return diskError({ action: 'create', path: key.name, neededBytes: content.size }, error)
        }
      }),
    )
  }
}
