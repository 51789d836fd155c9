import { constants } from 'node:fs'
import { copyFile, type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ContentHasher, hashFile } from '../../common/content/hash.ts'
import type { HashedContent } from '../../common/content/unit-hasher.ts'
import { type DiskAction, diskError } from '../../common/disk-error.ts'
import { type Random, randomId } from '../../common/random.ts'

/** A complete, flushed file in the incoming folder. Disposing removes it, unless it was moved away. */
export interface Incoming extends HashedContent, AsyncDisposable {
  readonly partialPath: string
}

/** The folder where contents are written that do not have their place yet. */
export class IncomingFolder {
  readonly #path: string
  readonly #random: Random

  constructor(path: string, { random }: { random: Random }) {
    this.#path = path
    this.#random = random
  }

  /** Removes what an earlier run left. @throws AppError DISK_FAILED */
  async clear(): Promise<void> {
    await writing({ path: this.#path, neededBytes: 0 }, async () => {
      await rm(this.#path, { recursive: true, force: true })
      await mkdir(this.#path, { recursive: true })
    })
  }

  /**
   * Writes a stream to a file and hashes it on the way. Nothing is left behind on failure.
   * @throws AppError TOO_LARGE, DISK_FULL, DISK_FAILED; the signal's reason; what the stream throws
   */
  async receive(bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Incoming> {
    return await this.#fill(async (path) => {
      const hasher = new ContentHasher()
      let neededBytes = 0
      await using handle = await writing({ path: this.#path, neededBytes }, () => open(path, 'wx'))
      for await (const piece of bytes) {
        signal?.throwIfAborted()
        neededBytes += piece.byteLength
        await hasher.update(piece)
        await writing({ path: this.#path, neededBytes }, () => handle.appendFile(piece))
      }
      await writing({ path: this.#path, neededBytes }, () => handle.sync())
      return (await hasher.finish()) ?? (await hashFile(path))
    })
  }

  /**
   * Copies a file, sharing its blocks where the file system can, and hashes the copy.
   * @throws AppError FILE_NOT_FOUND, DISK_FULL, DISK_FAILED
   */
  async copy(source: { path: string; size: number }): Promise<Incoming> {
    return await this.#fill(async (path) => {
      await writing({ path: this.#path, neededBytes: source.size }, async () => {
        await copyFile(source.path, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
        await using handle: FileHandle = await open(path, 'r+')
        await handle.sync()
      })
      return await hashFile(path)
    })
  }

  async #fill(fill: (path: string) => Promise<HashedContent>): Promise<Incoming> {
    const path = join(this.#path, randomId(this.#random))
    const remove = async (): Promise<void> => await rm(path, { force: true })
    try {
      return { ...(await fill(path)), partialPath: path, [Symbol.asyncDispose]: remove }
    } catch (error) {
      await remove()
      throw error
    }
  }
}

/** Does something to a file of ours; what the stream throws must not be taken for an error of the disk. */
async function writing<T>(file: Omit<DiskAction, 'action'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError({ action: 'write to', ...file }, error)
  }
}
