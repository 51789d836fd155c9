import { type BigIntStats, fstatSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { Cancel, Clock } from '../../common/clock.ts'
import { fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { AppError, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { openInside } from '../../common/inside.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { ReadableFile } from './served-contents.ts'

/** A file in use; disposing gives it back. */
export interface OpenFile extends Disposable {
  readonly handle: FileHandle
}

interface Entry {
  readonly opening: Promise<FileHandle>
  users: number
  cancelIdleTimer: Cancel
}

/**
 * Open files of contents that are being read, so that a fetch opens a file once and not for every
 * chunk. Files in use are as many as the connections that read; idle ones are few and soon closed.
 */
export class OpenFiles implements AsyncDisposable {
  readonly #clock: Clock
  /** Those used least recently come first. */
  readonly #entries = new Map<string, Entry>()
  readonly #closing = new Set<Promise<void>>()
  #isDisposed = false

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  /** Files that are open or being opened. */
  get size(): number {
    return this.#entries.size
  }

  /**
   * Opens `file`, or takes the handle that is open already, and checks that it is still the file
   * that was catalogued; of one that is still being downloaded, that it was not removed.
   * @throws AppError FILE_NOT_FOUND, CONTENT_CHANGED, DISK_FAILED (their paths are names: they
   *   cross the wire), STOPPING
   */
  async use(file: ReadableFile): Promise<OpenFile> {
    if (this.#isDisposed) throw new AppError('STOPPING')
    const key = `${file.at.path}\0${file.stat?.ino}\0${file.stat?.mtimeNs}`
    const entry = this.#entryOf(key, file.at)
    entry.users += 1
    try {
      const handle = await entry.opening
      // Of an open file the system knows it at once: no thread of Node's pool has to be woken for it.
      checkUnchanged(fstatSync(handle.fd, { bigint: true }), file)
      let isReleased = false
      return {
        handle,
        [Symbol.dispose]: () => {
          if (!isReleased) this.#release(key, entry)
          isReleased = true
        },
      }
    } catch (error) {
      this.#forget(key, entry)
      this.#release(key, entry)
      throw toOpenError(error, file)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    for (const [key, entry] of this.#entries) {
      this.#forget(key, entry)
      if (entry.users === 0) this.#close(entry)
    }
    while (this.#closing.size > 0) await Promise.all(this.#closing)
  }

  #entryOf(key: string, at: ReadableFile['at']): Entry {
    const entry = this.#entries.get(key) ?? {
      opening: openInside(at),
      users: 0,
      cancelIdleTimer: () => {},
    }
    entry.cancelIdleTimer()
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry
  }

  #release(key: string, entry: Entry): void {
    entry.users -= 1
    if (entry.users > 0) return
    if (this.#entries.get(key) !== entry) return this.#close(entry)
    entry.cancelIdleTimer = this.#clock.after(deadlines.openFileIdleMs, () => {
      this.#forget(key, entry)
      this.#close(entry)
    })
    this.#closeSurplus()
  }

  #closeSurplus(): void {
    const idle = [...this.#entries].filter(([, { users }]) => users === 0)
    for (const [key, entry] of idle.slice(0, -limits.idleOpenFilesMax)) {
      this.#forget(key, entry)
      this.#close(entry)
    }
  }

  /** Nobody is given this entry any more; its last user closes it. */
  #forget(key: string, entry: Entry): void {
    entry.cancelIdleTimer()
    if (this.#entries.get(key) === entry) this.#entries.delete(key)
  }

  #close(entry: Entry): void {
    // A file that could not be opened needs no closing; one that fails to close was only read.
    const closing = entry.opening
      .then((handle) => handle.close())
      .catch(() => {})
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}

function checkUnchanged(now: BigIntStats, { at, stat }: ReadableFile): void {
  if (now.nlink === 0n) throw new AppError('FILE_NOT_FOUND', { path: at.name })
  if (stat === undefined) return
  if (!isSameStat(fileStatOf(now), stat)) throw new AppError('CONTENT_CHANGED', { name: at.name })
}

function toOpenError(error: unknown, { at: { name } }: ReadableFile): AppError {
  if (error instanceof AppError) return error
  const code = systemErrorCode(error)
  const cause = { cause: error }
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new AppError('FILE_NOT_FOUND', { path: name }, cause)
  const details = { action: 'read', path: name, reason: code ?? reasonOf(error) }
  return new AppError('DISK_FAILED', details, cause)
}
