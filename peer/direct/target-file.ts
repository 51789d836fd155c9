import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { hashFile } from '../../common/content/hash.ts'
import { copyBeside } from '../../common/copy-beside.ts'
import { diskError, nameRefused } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { moveNew } from '../../common/move-new.ts'

interface TargetOptions {
  /** The name of what is downloaded. */
  readonly name: string
  /** A file or folder that somebody typed, relative to `workingFolder`. */
  readonly output?: string | undefined
  readonly workingFolder: string
  /** Whether a file of other content may be replaced. */
  readonly replaces: boolean
}

/** The file that a download without a peer ends in. */
export class TargetFile {
  readonly path: string
  readonly #replaces: boolean
  /** Another path of the same: of the entry of an open folder. */
  readonly #entry: string

  private constructor(path: string, replaces: boolean, entry = path) {
    this.path = path
    this.#entry = entry
    this.#replaces = replaces
  }

  /**
   * The file that was typed or, in a folder, the one called as the last part of the name.
   * @throws AppError NAME_INVALID, DISK_FAILED
   */
  static async find({
    name,
    output = '.',
    workingFolder,
    replaces,
  }: TargetOptions): Promise<TargetFile> {
    const ownName = basename(parseName(name))
    const path = resolve(workingFolder, output)
    const isFolder = output.endsWith('/') || ((await statOf(path))?.isDirectory() ?? false)
    return new TargetFile(isFolder ? join(path, ownName) : path, replaces)
  }

  /** The file at an absolute path, which is the `entry` of a folder that stays open while it is used. */
  static at(path: string, options: { replaces: boolean; entry: string }): TargetFile {
    return new TargetFile(path, options.replaces, options.entry)
  }

  /** Where to write what is unfinished: on the same file system, and the same for every try. */
  get folderBeside(): string {
    return folderFor(dirname(this.path), basename(this.path))
  }

  /**
   * The file, if it has this content already; undefined when it can be written.
   * @throws AppError FILE_EXISTS, NAME_BLOCKED, DISK_FAILED
   */
  async held(sha256: string): Promise<{ path: string; size: number } | undefined> {
    const { path } = this
    const there = await statOf(this.#entry)
    if (there === undefined) return undefined
    if (!there.isFile())
      throw new AppError('NAME_BLOCKED', {
        name: path,
        reason: 'something else than a file is there',
      })
    const { content } = await hashFile(this.#entry)
    if (content.sha256 === sha256) return { path, size: content.size }
    if (this.#replaces) return undefined
    throw new AppError('FILE_EXISTS', { path })
  }

  /**
   * Moves a finished file here, whole or not at all; what came here in the meantime is not lost.
   * @throws AppError FILE_EXISTS, NAME_BLOCKED, DISK_FULL, DISK_FAILED
   */
  async put(partialPath: string, sha256: string): Promise<{ path: string }> {
    const { path } = this
    try {
      if (!(await this.place(partialPath, sha256))) return { path }
      await using folder = await open(dirname(this.#entry), 'r')
      await folder.sync()
    } catch (error) {
      throw diskError({ action: 'create', path, neededBytes: 0 }, error)
    }
    return { path }
  }

  /**
   * As {@link put}, but not flushed.
   * @returns false when the content was here already, and the file is where it was
   * @throws AppError FILE_EXISTS, NAME_BLOCKED; what the disk does
   */
  async place(partialPath: string, sha256: string): Promise<boolean> {
    const { path } = this
    if ((await this.held(sha256)) !== undefined) return false
    if (!(await movedAnywhere(partialPath, this.#entry, this.#replaces))) {
      if ((await this.held(sha256)) !== undefined) return false
      throw new AppError('FILE_EXISTS', { path })
    }
    return true
  }
}

/** False when something has the place that may not be replaced. A file from another file system is copied and flushed first. */
async function movedAnywhere(from: string, to: string, replaces: boolean): Promise<boolean> {
  try {
    return await moved(from, to, replaces)
  } catch (error) {
    if (systemErrorCode(error) !== 'EXDEV')
      throw nameRefused({ name: basename(to), path: to }, error)
  }
  const copy = folderFor(dirname(to), `copy of ${basename(to)}`)
  await rm(copy, { recursive: true, force: true })
  await copyBeside(from, copy)
  try {
    const isMoved = await moved(copy, to, replaces)
    if (isMoved) await rm(from, { force: true })
    return isMoved
  } finally {
    await rm(copy, { force: true })
  }
}

async function moved(from: string, to: string, replaces: boolean): Promise<boolean> {
  if (!replaces) return await moveNew(from, to)
  await rename(from, to)
  return true
}

/** A folder of ours in `folder`, the same for the same `name`. */
export function folderFor(folder: string, name: string): string {
  const id = createHash('sha256').update(name).digest('hex').slice(0, 16)
  return join(folder, `.tandem-${id}`)
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw diskError({ action: 'look at', path, neededBytes: 0 }, error)
  }
}
