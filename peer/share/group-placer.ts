import { join, posix } from 'node:path'
import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'
import { diskError, nameRefused } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { KeyedContent, SmallFile } from '../shelf.ts'
import type { Catalog } from './catalog.ts'
import type { CatalogFile, Entry } from './entry.ts'
import type { Folders, Location } from './folders.ts'
import type { OwnWrites } from './own-writes.ts'
import type { Placer } from './placer.ts'
import type { SmallWriter } from './small-writer.ts'
import type { Staging } from './staging.ts'

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly placer: Pick<Placer, 'locate' | 'place'>
  /** The catalog's id of the current boot of the machine. */
  readonly bootId: string
  readonly writer: SmallWriter
  readonly ownWrites: OwnWrites
  readonly staging: Pick<Staging, 'folderFor'>
  readonly random: Random
}

type Outcome = CatalogFile | AppError

/** The destination of a file, and the folder in which it is written first. */
interface Place {
  readonly at: Location
  readonly incoming: string
}

/**
 * Places small files in batches: one call to a thread writes them, one transaction records them.
 * They are not flushed; the catalog marks them as unflushed (docs/decisions/0009).
 */
export class GroupPlacer {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Places each file as {@link Placer.adopt} does.
   * @returns for each its entry, or an error as that one throws
   * @throws AppError DISK_FULL, DISK_FAILED if the catalog cannot be written: the next scan finds
   *   the files
   */
  async adopt(files: readonly SmallFile[]): Promise<(Entry | AppError)[]> {
    const { catalog, ownWrites, bootId } = this.#dependencies
    const outcomes = await this.#place(files)
    const entries = catalog.groupEach(outcomes, (placed) =>
      placed instanceof AppError ? placed : catalog.putUnflushed(placed, bootId),
    )
    for (const entry of entries)
      if (!(entry instanceof AppError)) ownWrites.add(entry.at.path, entry.stat)
    return entries
  }

  /** Which of these files are in their place with this content, according to the catalog. */
  async areThere(files: readonly KeyedContent[]): Promise<boolean[]> {
    const known = files.map(({ key, content }) => {
      const entry = this.#dependencies.catalog.get(key)
      const isGood = entry !== undefined && !this.#dependencies.catalog.damage.has(entry.seq)
      return isGood && entry.content.sha256 === content.sha256 ? entry : undefined
    })
    const paths = known.flatMap((entry) => (entry === undefined ? [] : [entry.at.path]))
    const seen = await this.#dependencies.writer.look(paths)
    const stats = new Map(paths.map((path, index) => [path, seen[index]]))
    return known.map((entry) => {
      const stat = entry && stats.get(entry.at.path)
      return entry !== undefined && stat !== undefined && isSameStat(stat, entry.stat)
    })
  }

  async #place(files: readonly SmallFile[]): Promise<Outcome[]> {
    const group = randomId(this.#dependencies.random)
    const located = await this.#locate(files)
    const placeable = files.flatMap((file, index) => {
      const found = located[index]
      if (found === undefined || found instanceof AppError) return []
      const { at, incoming } = found
      return [{ file, at, partialPath: join(incoming, `${group}-${index}`) }]
    })
    for (const { at } of placeable) this.#dependencies.ownWrites.add(at.path)
    const written = await this.#dependencies.writer.write(
      placeable.map(({ file, at, partialPath }) => ({
        path: at.path,
        root: at.root,
        partialPath,
        bytes: file.bytes,
      })),
    )
    const outcomes = new Map<SmallFile, Outcome>()
    for (const [index, one] of placeable.entries())
      outcomes.set(one.file, await this.#settle(one, written[index]))
    return files.map((file, index) => outcomes.get(file) ?? (located[index] as AppError))
  }

  /** The outcome for a file; if its place is taken, it is placed like a single file. */
  async #settle(
    { file, at, partialPath }: { file: SmallFile; at: Location; partialPath: string },
    outcome: FileStat | 'taken' | Error | undefined,
  ): Promise<Outcome> {
    const { key, content } = file
    try {
      if (outcome instanceof Error) throw nameRefused({ name: key.name, path: at.path }, outcome)
      if (outcome !== undefined && outcome !== 'taken') return { at, stat: outcome, content }
      const placed = await this.#dependencies.placer.place({ key, content, partialPath })
      return { at: placed.at, stat: placed.stat, content }
    } catch (error) {
      return diskError({ action: 'create', path: key.name, neededBytes: content.size }, error)
    }
  }

  /** The places, with the folders above them; each folder is located once. */
  async #locate(files: readonly SmallFile[]): Promise<(Place | AppError)[]> {
    const { folders, catalog } = this.#dependencies
    const firsts = new Map<string, Promise<Place>>()
    return await Promise.all(
      files.map(async ({ key, content }) => {
        try {
          const own = folders.place(key)
          // A file whose path differs from its name is located alone: its folder is not that of the
          // others.
          const { at = own } = catalog.get(key) ?? {}
          const folder = `${at.root}\0${posix.dirname(at.diskName)}`
          const first = firsts.get(folder) ?? this.#locateFirst(key)
          firsts.set(folder, first)
          return inFolderOf(await first, at, folders)
        } catch (error) {
          return diskError({ action: 'create', path: key.name, neededBytes: content.size }, error)
        }
      }),
    )
  }

  async #locateFirst(key: CopyKey): Promise<Place> {
    const { placer, staging } = this.#dependencies
    const at = await placer.locate(key)
    return { at, incoming: await staging.folderFor(key.kind, 'incoming') }
  }
}

/** The place of a file in the folder that was located for another file. */
function inFolderOf(first: Place, { name, diskName, ...key }: Location, folders: Folders): Place {
  const folder = posix.dirname(first.at.diskName)
  const at = folders.at({ ...key, path: key.root }, posix.join(folder, posix.basename(diskName)))
  return { ...first, at: at.kind === 'downloaded' ? at : { ...at, name } }
}
