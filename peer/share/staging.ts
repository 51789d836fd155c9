/**
 * The folders in which files are written before they are placed: on the file system of their destination,
 * because files can be moved into place only within a file system.
 *
 *   <data>/.tandem/partial  incoming           for folders on the data folder's own file system
 *   <data>/<kind>/.tandem/partial  incoming    for a folder that is a mount, or a link to another disk
 *
 * Folders are checked at each use: removed ones are created again, but not on another disk than before,
 * unless the guard accepts the kind's folder there.
 */
import { constants, type Stats } from 'node:fs'
import { access, lstat, mkdir, readlink, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { diskError } from '../../common/disk-error.ts'
import { AppError, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { ownFolderName } from '../../common/ids.ts'
import { isInside } from '../../common/inside.ts'
import type { CopyKind } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { Folders } from './folders.ts'

/** Unfinished downloads, complete files that are not placed yet, or damaged ones moved out of the way. */
export type StagingUse = 'partial' | 'incoming' | 'damaged'

const kinds = ['shared', 'downloaded', 'replicated'] as const

export class Staging {
  readonly #folders: Folders
  readonly #random: Random
  readonly #move: (from: string, to: string) => Promise<void>
  readonly #guard: Pick<FolderGuard, 'check'> | undefined
  /** The devices of folders when they were first seen. */
  readonly #devices = new Map<string, number>()
  /**
   * For each kind, the folders that were tried, and whether files can be moved from one to the
   * other.
   */
  readonly #reached = new Map<CopyKind, { pair: string; isReached: boolean }>()

  /** @param dependencies.move for tests: `rename` */
  constructor(
    folders: Folders,
    {
      random,
      guard,
      move = rename,
    }: {
      random: Random
      guard?: Pick<FolderGuard, 'check'>
      move?: (from: string, to: string) => Promise<void>
    },
  ) {
    this.#guard = guard
    this.#folders = folders
    this.#random = random
    this.#move = move
  }

  /**
   * The staging folder for files of this kind; created if missing.
   * @throws AppError DISK_FAILED, DISK_FULL, FOLDER_UNAVAILABLE
   */
  async folderFor(kind: CopyKind, use: StagingUse): Promise<string> {
    try {
      return await this.#folderFor(kind, use)
    } catch (error) {
      const path = this.#folders[kind]
      throw diskError({ action: 'use the folder', path, neededBytes: 0 }, error)
    }
  }

  async #folderFor(kind: CopyKind, use: StagingUse): Promise<string> {
    const data = await this.#ensure(this.#folders.data)
    const root = await this.ensureRoot(kind)
    const own = join(this.#folders.data, ownFolderName)
    await this.#ensure(own)
    const isOwn = root.dev === data.dev && (await this.#isReached(kind, own, root))
    const base = isOwn ? own : join(this.#folders[kind], ownFolderName)
    await this.#ensure(base)
    const folder = join(base, use)
    await this.#ensure(folder)
    return folder
  }

  /** The kinds whose folders cannot be written, and why. */
  async failures(): Promise<{ folder: string; reason: string }[]> {
    const failures: { folder: string; reason: string }[] = []
    for (const kind of kinds) {
      const folder = this.#folders[kind]
      try {
        await this.folderFor(kind, 'incoming')
        await access(folder, constants.R_OK | constants.W_OK | constants.X_OK)
      } catch (error) {
        failures.push({ folder, reason: reasonOf(error) })
      }
    }
    return failures
  }

  /** All existing folders for a use; skips those on unresponsive disks. */
  async existing(use: StagingUse): Promise<string[]> {
    const bases = [this.#folders.data, ...kinds.map((kind) => this.#folders[kind])]
    const found = await Promise.all(bases.map(async (base) => await this.#existingIn(base, use)))
    return found.filter((folder) => folder !== undefined)
  }

  async #existingIn(base: string, use: StagingUse): Promise<string | undefined> {
    const own = join(base, ownFolderName)
    const folder = join(own, use)
    try {
      if (base !== this.#folders.data) await this.#guard?.check(own)
      return (await stat(folder)).isDirectory() ? folder : undefined
    } catch {
      return undefined
    }
  }

  /**
   * Ensures that the kind's own folder exists; creates it again if it was removed.
   * @throws AppError DISK_FAILED if it is no folder or a broken link, or the disk fails;
   *   FOLDER_UNAVAILABLE if the guard refuses it
   */
  async ensureRoot(kind: CopyKind): Promise<Stats> {
    const root = this.#folders[kind]
    try {
      if (this.#guard !== undefined) {
        await this.#guard.check(join(root, ownFolderName))
        await this.#acceptDevice(root)
      }
      await this.#ensure(this.#folders.data)
      return await this.#ensure(root)
    } catch (error) {
      throw diskError({ action: 'use the folder', path: root, neededBytes: 0 }, error)
    }
  }

  /** The guard recognizes by its files whether a root on another disk is the same folder. */
  async #acceptDevice(root: string): Promise<void> {
    const found = await statOf(root)
    if (found === undefined || found.dev === this.#devices.get(root)) return
    for (const path of this.#devices.keys()) if (isInside(root, path)) this.#devices.delete(path)
  }

  async #ensure(path: string): Promise<Stats> {
    const found = (await statOf(path)) ?? (await this.#makeAgain(path))
    if (!found.isDirectory()) throw unusable(path, 'it is not a folder')
    const device = this.#devices.get(path) ?? found.dev
    if (device !== found.dev)
      throw unusable(path, 'it is on another disk than before; is its own disk mounted?')
    this.#devices.set(path, device)
    return found
  }

  async #makeAgain(path: string): Promise<Stats> {
    const device = this.#devices.get(path)
    if (path === this.#folders.data && device !== undefined)
      throw unusable(path, 'the folder is gone')
    const target = await readlink(path).catch(() => undefined)
    if (target !== undefined)
      throw unusable(path, `it is a link to '${target}', which does not exist`)
    const parent = await stat(dirname(path))
    if (device !== undefined && device !== parent.dev)
      throw unusable(path, 'the folder is gone; is its disk mounted?')
    await mkdir(path).catch(ignoreExisting)
    return await stat(path)
  }

  /**
   * Whether a file can be moved from one folder into the other: even two mounts of one file system
   * refuse it.
   */
  async #isReached(kind: CopyKind, own: string, root: Stats): Promise<boolean> {
    const { ino } = await lstat(own)
    const pair = `${ino} ${root.dev} ${root.ino}`
    const known = this.#reached.get(kind)
    if (known?.pair === pair) return known.isReached
    const isReached = await this.#tryMove(own, this.#folders[kind])
    this.#reached.set(kind, { pair, isReached })
    return isReached
  }

  async #tryMove(own: string, root: string): Promise<boolean> {
    const name = `${ownFolderName}-${randomId(this.#random)}`
    const [from, to] = [join(own, name), join(root, name)]
    try {
      await writeFile(from, '', { flag: 'wx' })
      await this.#move(from, to)
      return true
    } catch (error) {
      // Other errors are reported when a file is placed there.
      return systemErrorCode(error) !== 'EXDEV'
    } finally {
      await Promise.allSettled([rm(from, { force: true }), rm(to, { force: true })])
    }
  }
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function ignoreExisting(error: unknown): void {
  if (systemErrorCode(error) !== 'EEXIST') throw error
}

function unusable(path: string, reason: string): AppError {
  return new AppError('DISK_FAILED', { action: 'use the folder', path, reason })
}
