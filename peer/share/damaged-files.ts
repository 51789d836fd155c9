/**
 * Damaged files that were moved out of the way, on the file system of their places. They are kept for
 * a while, since other chunks of them may be the last good ones:
 *
 *   <staging folder "damaged">/<time, ms>-<sha256 of the content they should have>-<name>
 */
import { type FileHandle, link, lstat, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { entryPathIn, openFolderInside } from '../../common/inside.ts'
import type { Catalog } from './catalog.ts'
import type { CatalogFile } from './entry.ts'
import type { Location } from './folders.ts'
import { isGone } from './is-gone.ts'
import type { Staging } from './staging.ts'

/** As long as users have to notice that they need one of them. */
const damagedKeptMs = 30 * 86_400_000
/** Per folder, of those whose content this peer has again. */
const damagedBytesMax = 10 * 1024 ** 3
/** File systems take 255 bytes, of which time and hash need about 80. */
const nameBytesKept = 160
const namePattern = /^(\d+)-([0-9a-f]{64})-/

interface Dependencies {
  readonly catalog: Pick<Catalog, 'first'>
  readonly staging: Pick<Staging, 'existing' | 'folderFor'>
  readonly clock: Clock
}

export class DamagedFiles {
  readonly #dependencies: Dependencies
  /** In the name of the newest one. */
  #lastMs = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Moves a file aside; called in the queue of its folder.
   * @returns false if another file, or none, is there
   * @throws AppError DISK_FULL, DISK_FAILED, FOLDER_UNAVAILABLE; errors of the disk
   */
  async take({ at, stat, content }: CatalogFile): Promise<boolean> {
    const aside = await this.#pathFor(at, content.sha256)
    try {
      await using folder = await openFolderInside({ root: at.root, path: dirname(at.path) })
      const path = ownPath(folder, at)
      if (!(await isStillThere(path, stat))) return false
      await rename(path, aside)
    } catch (error) {
      if (isGone(error)) return false
      throw error
    }
    await this.prune()
    return true
  }

  /**
   * Gives the file at `path` a second name aside, so that it can be replaced without a moment in
   * which its place is empty; where links do not exist, moves it.
   * @throws as {@link take}
   */
  async keepBefore(at: Location, sha256: string, path: string): Promise<void> {
    const aside = await this.#pathFor(at, sha256)
    await link(path, aside).catch(async (error: unknown) => {
      if (isGone(error)) throw error
      await rename(path, aside)
    })
    await this.prune()
  }

  /** Removes those that are too old and, of those that are no longer needed, the oldest beyond the bytes. */
  async prune(): Promise<void> {
    for (const folder of await this.#dependencies.staging.existing('damaged'))
      await this.#pruneIn(folder)
  }

  async #pruneIn(folder: string): Promise<void> {
    const { clock, catalog } = this.#dependencies
    let bytes = 0
    const names = (await readdir(folder).catch(() => [])).toSorted(newestFirst)
    for (const name of names) {
      const path = join(folder, name)
      const found = await lstat(path).catch(() => undefined)
      const { ms, sha256 } = partsOf(name)
      if (found === undefined) continue
      const isHealed = catalog.first(sha256) !== undefined
      if (isHealed) bytes += found.size
      const isOld = ms < clock.nowMs() - damagedKeptMs
      if (isOld || (isHealed && bytes > damagedBytesMax)) await rm(path, { force: true })
    }
  }

  async #pathFor({ kind, path }: Location, sha256: string): Promise<string> {
    const folder = await this.#dependencies.staging.folderFor(kind, 'damaged')
    // Two that are moved at the same time may have the same content and name.
    this.#lastMs = Math.max(Math.floor(this.#dependencies.clock.nowMs()), this.#lastMs + 1)
    return join(folder, `${this.#lastMs}-${sha256}-${endOf(basename(path), nameBytesKept)}`)
  }
}

function ownPath(folder: FileHandle, { path }: Location): string {
  return entryPathIn({ descriptor: folder.fd, path: dirname(path) }, basename(path))
}

async function isStillThere(path: string, stat: FileStat): Promise<boolean> {
  return isSameStat(fileStatOf(await lstat(path, { bigint: true })), stat)
}

/** The last whole characters, of at most so many bytes. */
function endOf(text: string, bytesMax: number): string {
  let bytes = 0
  const kept = Array.from(text).toReversed()
  const end = kept.findIndex((character) => (bytes += Buffer.byteLength(character)) > bytesMax)
  return (end === -1 ? kept : kept.slice(0, end)).toReversed().join('')
}

function partsOf(name: string): { ms: number; sha256: string } {
  const [, ms = '0', sha256 = ''] = namePattern.exec(name) ?? []
  return { ms: Number(ms), sha256 }
}

function newestFirst(one: string, other: string): number {
  return partsOf(other).ms - partsOf(one).ms
}
