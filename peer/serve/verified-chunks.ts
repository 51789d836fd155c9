import type { Cancel, Clock } from '../../common/clock.ts'
import type { ByteRange } from '../../common/content/chunks.ts'
import { sha256 } from '../../common/content/hash.ts'
import { AppError, hasCode, toAppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import type { ReadableHandle } from '../../common/protocol/bulk.ts'
import type { FileDependencies } from './file-bytes.ts'
import type { ServedContents } from './served-contents.ts'

/**
 * Chunks in use, of all readers: beyond it none are read ahead, and large ones are verified without being
 * held. The chunk of 1 MiB that a reader needs now is always loaded.
 */
export const usedChunksBytesMax = 64 * 1024 * 1024
/** Verified chunks kept for other readers of the same file: what several in step need. */
const idleChunksBytesMax = 16 * 1024 * 1024
/** They are dropped when no client has read for this long. */
const idleChunksMs = 5_000

export interface WantedChunk {
  readonly sha256: string
  /** Its place in the content. */
  readonly range: ByteRange
  readonly hash: Uint8Array
}

/** Bytes that have their hash; they do not change until this is disposed. */
export interface VerifiedChunk extends Disposable {
  readonly bytes: Buffer
}

export interface VerifiedChunkDependencies extends Pick<FileDependencies, 'openFiles' | 'recheck'> {
  readonly contents: Pick<ServedContents, 'first' | 'find' | 'chunkList'>
  /** Called with the hash of a content of which a file has other bytes; returns immediately. */
  readonly verify: (sha256: string) => void
  readonly clock: Clock
}

interface Loaded {
  readonly bytes: Buffer
  /** What they are part of, as the pool knows it. */
  readonly buffer: Buffer
}

interface Entry {
  readonly loading: Promise<Loaded>
  /** Memory that it holds. */
  readonly bytes: number
  users: number
}

/**
 * Chunks for readers that cannot verify them. Each is read into memory, hashed there, and handed out only
 * if it has its hash. What is shared between readers is that memory, never a note that a part of a file
 * was once good: a file may change, or rot, without a trace in its times.
 */
export class VerifiedChunks implements Disposable {
  readonly #dependencies: VerifiedChunkDependencies
  readonly #buffers = new BufferPool({ bufferBytes: limits.chunkBytesMin })
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  #cancelTimer: Cancel = () => {}
  #usedBytes = 0

  constructor(dependencies: VerifiedChunkDependencies) {
    this.#dependencies = dependencies
  }

  /** Memory of the chunks in use. */
  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Whether there is room for using a chunk that could be done without. */
  hasRoomFor(wanted: Pick<WantedChunk, 'sha256' | 'range'>): boolean {
    const entry = this.#entries.get(keyOf(wanted))
    const more = entry !== undefined && entry.users > 0 ? 0 : memoryOf(wanted)
    return this.#usedBytes + more <= usedChunksBytesMax
  }

  /**
   * The chunk from any local file of the content.
   * @throws AppError CONTENT_NOT_FOUND, CONTENT_CHANGED, DISK_FAILED, STOPPING
   */
  async use(wanted: WantedChunk): Promise<VerifiedChunk> {
    const key = keyOf(wanted)
    const entry = this.#entries.get(key) ?? this.#begin(wanted)
    entry.users += 1
    if (entry.users === 1) this.#usedBytes += entry.bytes
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    try {
      const { bytes } = await entry.loading
      let isReleased = false
      const release = (): void => {
        if (!isReleased) this.#release(key, entry)
        isReleased = true
      }
      return { bytes, [Symbol.dispose]: release }
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key)
      this.#release(key, entry)
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#cancelTimer()
    this.#entries.clear()
  }

  #begin(wanted: WantedChunk): Entry {
    const bytes = memoryOf(wanted)
    return { loading: this.#load(wanted, bytes), bytes, users: 0 }
  }

  async #load(wanted: WantedChunk, bufferBytes: number): Promise<Loaded> {
    const buffer = this.#buffers.take(bufferBytes)
    const bytes = buffer.subarray(0, wanted.range.bytes)
    try {
      await this.#readInto(bytes, wanted)
      return { bytes, buffer }
    } catch (error) {
      this.#buffers.release(buffer)
      throw error
    }
  }

  async #readInto(bytes: Buffer, { sha256: wanted, range, hash }: WantedChunk): Promise<void> {
    const { contents, openFiles, recheck, verify } = this.#dependencies
    let failure = new AppError('CONTENT_NOT_FOUND', { sha256: wanted })
    for (const file of contents.find(wanted)) {
      try {
        using open = await openFiles.use(file)
        await readFully(open.handle, bytes, range.start)
      } catch (error) {
        if (hasCode(error, 'STOPPING')) throw error
        recheck(file.at.path)
        failure = toAppError(error)
        continue
      }
      if ((await sha256(bytes)).equals(hash)) return
      verify(wanted)
      failure = new AppError('CONTENT_CHANGED', { name: file.at.name })
    }
    throw failure
  }

  #release(key: string, entry: Entry): void {
    entry.users -= 1
    if (entry.users > 0) return
    this.#usedBytes -= entry.bytes
    if (this.#entries.get(key) === entry) return this.#evict()
    this.#giveBack(entry)
  }

  #evict(): void {
    const { clock } = this.#dependencies
    const idle = [...this.#entries].filter(([, { users }]) => users === 0)
    let idleBytes = idle.reduce((sum, [, { bytes }]) => sum + bytes, 0)
    for (const [key, entry] of idle) {
      if (idleBytes <= idleChunksBytesMax) break
      this.#drop(key, entry)
      idleBytes -= entry.bytes
    }
    this.#cancelTimer()
    this.#cancelTimer = clock.after(idleChunksMs, () => {
      for (const [key, entry] of this.#entries) if (entry.users === 0) this.#drop(key, entry)
    })
  }

  #drop(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#giveBack(entry)
  }

  /** A chunk that failed has returned its buffer already. */
  #giveBack({ loading }: Entry): void {
    loading.then(
      ({ buffer }) => this.#buffers.release(buffer),
      () => {},
    )
  }
}

function keyOf({ sha256: content, range }: Pick<WantedChunk, 'sha256' | 'range'>): string {
  return `${content} ${range.start}`
}

function memoryOf({ range }: Pick<WantedChunk, 'range'>): number {
  return Math.max(range.bytes, limits.chunkBytesMin)
}

/** @throws AppError CONTENT_CHANGED if the file is too short */
export async function readFully(
  handle: ReadableHandle,
  into: Buffer,
  position: number,
): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const left = into.length - filled
    const { bytesRead } = await handle.read(into, filled, left, position + filled)
    if (bytesRead === 0) throw new AppError('CONTENT_CHANGED', { name: 'the file' })
    filled += bytesRead
  }
}
