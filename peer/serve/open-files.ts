import { type BigIntStats, fstatSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { Cancel, Clock } from '../../common/clock.ts'
import { fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { AppError, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { openInside } from '../../common/inside.ts'
import type { ReadableFile } from './served-contents.ts'

/** Unused files that a serving peer keeps open; 1,024 descriptors is a common limit. */
export const idleOpenFilesMax = 64
/** A file unread for this long is closed; a fetch requests its next chunk within milliseconds. */
export const openFileIdleMs = 10_000

/** A file in use; disposing returns it to the pool. */
export interface OpenFile extends Disposable {
  readonly handle: FileHandle
}

interface PooledFile {
  readonly opening: Promise<FileHandle>
  users: number
  cancelIdleTimer: Cancel
}

/**
 * A pool of open files, so that a fetch opens a file once and not for every chunk. At most one file per
 * reading connection is in use; a few idle ones stay open for a short time.
 */
export class OpenFiles implements AsyncDisposable {
  readonly #clock: Clock
  /** Least recently used first. */
  readonly #pool = new Map<string, PooledFile>()
  readonly #closing = new Set<Promise<void>>()
  #isDisposed = false

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  /** Files that are open or being opened. */
  get size(): number {
    return this.#pool.size
  }

  /**
   * Opens `file`, or reuses an open handle, and checks that it is unchanged since it was catalogued; if it
   * is still being downloaded, that it was not removed.
   * @throws AppError FILE_NOT_FOUND, CONTENT_CHANGED, DISK_FAILED (their paths are names: they
   *   cross the wire), STOPPING
   */
  async use(file: ReadableFile): Promise<OpenFile> {
    if (this.#isDisposed) throw new AppError('STOPPING')
    const key = `${file.at.path}\0${file.stat?.ino}\0${file.stat?.mtimeNs}`
    const pooled = this.#pooled(key, file.at)
    pooled.users += 1
    try {
      const handle = await pooled.opening
      // For an open file this is a fast call, not worth a thread of Node's pool.
      checkUnchanged(fstatSync(handle.fd, { bigint: true }), file)
      let isReleased = false
      return {
        handle,
        [Symbol.dispose]: () => {
          if (!isReleased) this.#release(key, pooled)
          isReleased = true
        },
      }
    } catch (error) {
      this.#forget(key, pooled)
      this.#release(key, pooled)
      throw toOpenError(error, file)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    for (const [key, pooled] of this.#pool) {
      this.#forget(key, pooled)
      if (pooled.users === 0) this.#close(pooled)
    }
    while (this.#closing.size > 0) await Promise.all(this.#closing)
  }

  #pooled(key: string, at: ReadableFile['at']): PooledFile {
    const pooled = this.#pool.get(key) ?? {
      opening: openInside(at),
      users: 0,
      cancelIdleTimer: () => {},
    }
    pooled.cancelIdleTimer()
    this.#pool.delete(key)
    this.#pool.set(key, pooled)
    return pooled
  }

  #release(key: string, pooled: PooledFile): void {
    pooled.users -= 1
    if (pooled.users > 0) return
    if (this.#pool.get(key) !== pooled) return this.#close(pooled)
    pooled.cancelIdleTimer = this.#clock.after(openFileIdleMs, () => {
      this.#forget(key, pooled)
      this.#close(pooled)
    })
    this.#closeSurplus()
  }

  #closeSurplus(): void {
    const idle = [...this.#pool].filter(([, { users }]) => users === 0)
    for (const [key, pooled] of idle.slice(0, -idleOpenFilesMax)) {
      this.#forget(key, pooled)
      this.#close(pooled)
    }
  }

  /** Removes a file from the pool; its last user closes it. */
  #forget(key: string, pooled: PooledFile): void {
    pooled.cancelIdleTimer()
    if (this.#pool.get(key) === pooled) this.#pool.delete(key)
  }

  #close(pooled: PooledFile): void {
    // A file that failed to open needs no closing; one that fails to close was only read.
    const closing = pooled.opening
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
