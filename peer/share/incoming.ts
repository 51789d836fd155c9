import { constants } from 'node:fs'
import { copyFile, type FileHandle, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ContentHasher, hashFile } from '../../common/content/hash.ts'
import type { HashedContent } from '../../common/content/unit-hasher.ts'
import { type DiskAction, diskError } from '../../common/disk-error.ts'
import { reasonOf } from '../../common/errors.ts'
import { type InsidePath, openInside, pathOfOpened } from '../../common/inside.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKind } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { fileSeconds } from './file-seconds.ts'
import type { Staging } from './staging.ts'

/** A complete, flushed file in the incoming folder. Disposing removes it, unless it was moved away. */
export interface Incoming extends HashedContent, AsyncDisposable {
  readonly partialPath: string
}

/** A file of one of the peer's folders. */
export interface SourceFile extends InsidePath {
  readonly size: number
}

/** The folders in which contents are written before they are placed. */
export class IncomingFolder {
  readonly #staging: Pick<Staging, 'folderFor' | 'existing'>
  readonly #random: Random
  readonly #log: Log

  constructor({
    staging,
    random,
    log,
  }: { staging: Pick<Staging, 'folderFor' | 'existing'>; random: Random; log: Log }) {
    this.#staging = staging
    this.#random = random
    this.#log = log
  }

  /**
   * Removes leftovers of an earlier run; those that cannot be removed are left for the next start.
   */
  async clear(): Promise<void> {
    for (const path of await this.#staging.existing('incoming'))
      try {
        for (const name of await readdir(path))
          await rm(join(path, name), { recursive: true, force: true })
      } catch (error) {
        const details = { path, reason: reasonOf(error) }
        this.#log.warn(details, 'leftovers of an earlier run cannot be removed')
      }
  }

  /**
   * Writes a stream to a file on the file system of shared/ while hashing it. Leaves nothing behind
   * on failure. `modifiedMs`: the time that the file gets.
   * @throws AppError TOO_LARGE, DISK_FULL, DISK_FAILED; the signal's reason; errors of the stream
   */
  async receive(
    bytes: AsyncIterable<Uint8Array>,
    { signal, modifiedMs }: { readonly signal?: AbortSignal; readonly modifiedMs?: number } = {},
  ): Promise<Incoming> {
    return await this.#fill('shared', async (path) => {
      const hasher = new ContentHasher()
      let neededBytes = 0
      await using handle = await writing({ path, neededBytes }, () => open(path, 'wx'))
      for await (const piece of bytes) {
        signal?.throwIfAborted()
        neededBytes += piece.byteLength
        await hasher.update(piece)
        await writing({ path, neededBytes }, () => handle.appendFile(piece))
      }
      await writing({ path, neededBytes }, async () => {
        if (modifiedMs !== undefined)
          await handle.utimes(fileSeconds(modifiedMs), fileSeconds(modifiedMs))
        await handle.sync()
      })
      return (await hasher.finish()) ?? (await hashFile(path))
    })
  }

  /**
   * Copies a file to the file system of a kind, as a reflink if supported, and hashes the copy.
   * @throws AppError FILE_NOT_FOUND, DISK_FULL, DISK_FAILED
   */
  async copy(source: SourceFile, kind: CopyKind): Promise<Incoming> {
    return await this.#fill(kind, async (path) => {
      await writing({ path, neededBytes: source.size }, async () => {
        await using opened = await openInside(source)
        await copyFile(
          pathOfOpened(opened.fd, source.path),
          path,
          constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE,
        )
        await using handle: FileHandle = await open(path, 'r+')
        await handle.sync()
      })
      return await hashFile(path)
    })
  }

  async #fill(kind: CopyKind, fill: (path: string) => Promise<HashedContent>): Promise<Incoming> {
    const path = join(await this.#staging.folderFor(kind, 'incoming'), randomId(this.#random))
    const remove = async (): Promise<void> => await rm(path, { force: true })
    try {
      return { ...(await fill(path)), partialPath: path, [Symbol.asyncDispose]: remove }
    } catch (error) {
      await remove()
      throw error
    }
  }
}

/** Converts errors of the disk only; errors of the stream pass unchanged. */
async function writing<T>(file: Omit<DiskAction, 'action'>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError({ action: 'write to', ...file }, error)
  }
}
