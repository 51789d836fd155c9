import { type FileHandle, open, rm, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkCountFor, chunkRange } from '../../common/content/chunks.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'

/**
 * A content on its way: a file beside the user's folders, and which of its chunks are good.
 * Disposing removes the file unless it was finished.
 */
export class PartialFile implements AsyncDisposable {
  readonly path: string
  readonly #size: number
  readonly #handle: FileHandle
  /** Chunks that are verified and written. */
  readonly verified: ChunkSet
  #verifiedBytes = 0
  #isClosed = false

  private constructor(path: string, size: number, handle: FileHandle) {
    this.path = path
    this.#size = size
    this.#handle = handle
    this.verified = new ChunkSet(chunkCountFor(size))
  }

  /**
   * Makes the file, after making sure that its disk has room for `size` bytes. Nothing is
   * allocated ahead: the file grows with what is written.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  static async create(path: string, size: number): Promise<PartialFile> {
    try {
      const { bavail, bsize } = await statfs(dirname(path))
      if (bavail * bsize < size)
        throw new AppError('DISK_FULL', { path: dirname(path), neededBytes: size })
      return new PartialFile(path, size, await open(path, 'wx+'))
    } catch (error) {
      throw diskError({ action: 'write to', path: dirname(path), neededBytes: size }, error)
    }
  }

  get verifiedBytes(): number {
    return this.#verifiedBytes
  }

  /**
   * Writes a chunk that was verified.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async write(chunk: number, bytes: Uint8Array): Promise<void> {
    const { start } = chunkRange(this.#size, chunk)
    try {
      for (let done = 0; done < bytes.length; ) {
        const rest = bytes.length - done
        const { bytesWritten } = await this.#handle.write(bytes, done, rest, start + done)
        done += bytesWritten
      }
    } catch (error) {
      throw this.#diskError('write to', error)
    }
    this.verified.add(chunk)
    this.#verifiedBytes += bytes.length
  }

  /**
   * Reads a chunk back into `buffer` and returns the part that it fills.
   * @throws AppError DISK_FAILED
   */
  async read(chunk: number, buffer: Uint8Array): Promise<Uint8Array> {
    const { start, bytes } = chunkRange(this.#size, chunk)
    try {
      for (let done = 0; done < bytes; ) {
        const { bytesRead } = await this.#handle.read(buffer, done, bytes - done, start + done)
        if (bytesRead === 0) throw new Error('it is shorter than what was written')
        done += bytesRead
      }
    } catch (error) {
      throw this.#diskError('read from', error)
    }
    return buffer.subarray(0, bytes)
  }

  /**
   * Makes the file durable and closes it; from then on it belongs to the caller.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async finish(): Promise<void> {
    try {
      await this.#handle.sync()
      await this.#handle.close()
    } catch (error) {
      throw this.#diskError('write to', error)
    }
    this.#isClosed = true
  }

  #diskError(action: string, error: unknown): AppError {
    return diskError({ action, path: dirname(this.path), neededBytes: this.#size }, error)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#handle.close().catch(() => {})
    await rm(this.path, { force: true })
  }
}
