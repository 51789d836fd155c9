import { hash, subtle } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { AppError, reasonOf, systemErrorCode } from '../errors.ts'
import { openInside } from '../inside.ts'
import { limits } from '../limits.ts'
import { openToRead } from '../open-to-read.ts'
import { chunkBytesFor } from './chunks.ts'
import { type FileStat, fileStatOf, isSameStat } from './file-stat.ts'
import { type HashedContent, UnitHasher, unitBytes } from './unit-hasher.ts'

/**
 * Below this size, hashing on this thread is faster than dispatching to the thread pool (40 µs).
 */
const smallBytesMax = 64 * 1024
/** A longer stream has chunks larger than a unit. */
const streamBytesMax = limits.chunksMax * unitBytes

export type HashedFile = HashedContent & { readonly stat: FileStat }

/**
 * The SHA-256 of `bytes`, which may be reused as soon as the call returns. Large inputs are hashed
 * in another thread, unless threads share their memory.
 */
export async function sha256(bytes: Uint8Array): Promise<Buffer> {
  if (bytes.byteLength < smallBytesMax || !isUnshared(bytes)) return hash('sha256', bytes, 'buffer')
  return Buffer.from(await subtle.digest('SHA-256', bytes))
}

function isUnshared(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
}

/**
 * Reads a regular file once, in constant memory. A file reached through a link that leaves `root`
 * counts as not found.
 * @throws AppError CONTENT_CHANGED if it changed while being read, FILE_NOT_FOUND, DISK_FAILED,
 * TOO_LARGE; or the signal's reason
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

/** Undefined if the file is shorter than `size`. */
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

/** The hash of the only chunk is also that of the content. */
async function hashOneChunk(bytes: Buffer<ArrayBuffer>): Promise<HashedContent> {
  const digest = await sha256(bytes)
  const hex = digest.toString('hex')
  return {
    content: { sha256: hex, size: bytes.byteLength, chunkRoot: hex },
    chunkList: digest,
  }
}

/** Whether the file had enough bytes at `start` to fill `buffer`. */
async function readFully(handle: FileHandle, buffer: Buffer, start: number): Promise<boolean> {
  for (let filled = 0; filled < buffer.byteLength; ) {
    const { bytesRead } = await handle.read(buffer, { offset: filled, position: start + filled })
    if (bytesRead === 0) return false
    filled += bytesRead
  }
  return true
}

/**
 * Hashes a stream of unknown size.
 *
 * Whether a content exceeds 16 GiB, and so has larger chunks, is known only once it has arrived.
 * Such a stream is not hashed to its end; the caller hashes the stored file again.
 */
export class ContentHasher {
  readonly #hasher = new UnitHasher(unitBytes)
  readonly #unit = Buffer.allocUnsafe(unitBytes)
  #filled = 0
  #size = 0

  /**
   * Takes the next bytes, which may be reused once it resolves. Calls must not overlap.
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

  /** The hashes of the stream; undefined if it exceeds 16 GiB: use {@link hashFile} then. */
  async finish(): Promise<HashedContent | undefined> {
    if (this.#size > streamBytesMax) return undefined
    if (this.#filled > 0) await this.#putUnit()
    return await this.#hasher.finish()
  }
}

function tooLarge(): AppError {
  return new AppError('TOO_LARGE', { what: 'A file', max: limits.contentBytesMax, unit: 'bytes' })
}
