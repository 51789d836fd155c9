import { hash, subtle } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { AppError, reasonOf, systemErrorCode } from '../errors.ts'
import { openInside } from '../inside.ts'
import { limits } from '../limits.ts'
import { openToRead } from '../open-to-read.ts'
import { chunkBytesFor } from './chunks.ts'
import { type FileStat, fileStatOf, isSameStat } from './file-stat.ts'
import { type HashedContent, UnitHasher, unitBytes } from './unit-hasher.ts'

/** Below this a hash takes less time on this thread than its way to the thread pool (40 µs). */
const smallBytesMax = 64 * 1024
/** A longer stream has larger chunks than units. */
const streamBytesMax = limits.chunksMax * unitBytes

export type HashedFile = HashedContent & { readonly stat: FileStat }

/**
 * The SHA-256 of `bytes`, which are free again as soon as the call returns. Many of them are hashed in
 * another thread, unless threads share their memory.
 */
export async function sha256(bytes: Uint8Array): Promise<Buffer> {
  if (bytes.byteLength < smallBytesMax || !isUnshared(bytes)) return hash('sha256', bytes, 'buffer')
  return Buffer.from(await subtle.digest('SHA-256', bytes))
}

function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
}

/**
 * Reads a regular file once, in constant memory. One that is reached through a link which leaves `root`,
 * if there is one, is not found.
 * @throws AppError CONTENT_CHANGED when it changed meanwhile, FILE_NOT_FOUND, DISK_FAILED, TOO_LARGE;
 *   or the signal's reason
 */
export async function hashFile(
  path: string,
  { signal, root }: { readonly signal?: AbortSignal; readonly root?: string } = {},
): Promise<HashedFile> {
  signal?.throwIfAborted()
  try {
    await using handle = await (root === undefined ? openToRead(path) : openInside({ root, path }))
    const stat = await statOf(handle)
    const hashed = await hashHandle(handle, stat.size, signal)
    if (hashed === undefined || !isSameStat(await statOf(handle), stat))
      throw new AppError('CONTENT_CHANGED', { name: path })
    return { ...hashed, stat }
  } catch (error) {
    if (error instanceof AppError || signal?.aborted) throw error
    if (systemErrorCode(error) === 'ENOENT') throw new AppError('FILE_NOT_FOUND', { path })
    const details = { action: 'read', path, reason: reasonOf(error) }
    throw new AppError('DISK_FAILED', details, { cause: error })
  }
}

async function statOf(handle: FileHandle): Promise<FileStat> {
  const stat = await handle.stat({ bigint: true })
  if (!stat.isFile()) throw new Error('it is not a regular file')
  return fileStatOf(stat)
}

/** Undefined when the file turns out to be shorter than `size`. */
async function hashHandle(
  handle: FileHandle,
  size: number,
  signal: AbortSignal | undefined,
): Promise<HashedContent | undefined> {
  if (size > limits.contentBytesMax) throw tooLarge()
  const buffer = Buffer.allocUnsafe(Math.min(size, unitBytes))
  if (size <= unitBytes)
    return (await readFully(handle, buffer, 0)) ? await hashOneChunk(buffer) : undefined
  const hasher = new UnitHasher(chunkBytesFor(size))
  for (let start = 0; start < size; start += unitBytes) {
    signal?.throwIfAborted()
    const unit = buffer.subarray(0, Math.min(unitBytes, size - start))
    if (!(await readFully(handle, unit, start))) return undefined
    await hasher.put(unit)
  }
  return await hasher.finish()
}

/** The only chunk's hash is the content's: one is enough. */
async function hashOneChunk(bytes: Buffer<ArrayBuffer>): Promise<HashedContent> {
  const digest = await sha256(bytes)
  const hex = digest.toString('hex')
  return {
    content: { sha256: hex, size: bytes.byteLength, chunkRoot: hex },
    chunkList: digest,
  }
}

/** Whether the file had bytes enough at `start` to fill `buffer`. */
async function readFully(handle: FileHandle, buffer: Buffer, start: number): Promise<boolean> {
  for (let filled = 0; filled < buffer.byteLength; ) {
    const { bytesRead } = await handle.read(buffer, { offset: filled, position: start + filled })
    if (bytesRead === 0) return false
    filled += bytesRead
  }
  return true
}

/**
 * Hashes a stream whose size is not known beforehand.
 *
 * That a content is over 16 GiB, and so has larger chunks, shows only when it has come. Such a
 * stream is not hashed to its end; whoever keeps it hashes it again from the disk.
 */
export class ContentHasher {
  readonly #hasher = new UnitHasher(unitBytes)
  readonly #unit = Buffer.allocUnsafe(unitBytes)
  #filled = 0
  #size = 0

  /**
   * Takes the next bytes, which are free again when this resolves. Calls must not overlap.
   * @throws AppError TOO_LARGE
   */
  async update(bytes: Uint8Array): Promise<void> {
    this.#size += bytes.byteLength
    if (this.#size > limits.contentBytesMax) throw tooLarge()
    if (this.#size > streamBytesMax) return
    for (let taken = 0; taken < bytes.byteLength; ) {
      const piece = bytes.subarray(taken, taken + unitBytes - this.#filled)
      this.#unit.set(piece, this.#filled)
      this.#filled += piece.byteLength
      taken += piece.byteLength
      if (this.#filled === unitBytes) await this.#putUnit()
    }
  }

  async #putUnit(): Promise<void> {
    const unit = this.#unit.subarray(0, this.#filled)
    this.#filled = 0
    await this.#hasher.put(unit)
  }

  /** What came; undefined when it was over 16 GiB: then {@link hashFile} tells. */
  async finish(): Promise<HashedContent | undefined> {
    if (this.#size > streamBytesMax) return undefined
    if (this.#filled > 0) await this.#putUnit()
    return await this.#hasher.finish()
  }
}

function tooLarge(): AppError {
  return new AppError('TOO_LARGE', { what: 'A file', max: limits.contentBytesMax, unit: 'bytes' })
}
