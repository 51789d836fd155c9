import { createHash } from 'node:crypto'
import {
  type ByteRange,
  chunkBytesFor,
  chunkHashAt,
  chunkRange,
  hashBytes,
} from '../../common/content/chunks.ts'
import { sha256 as hashOf } from '../../common/content/hash.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { cut, gated, type UploadGate } from './file-bytes.ts'
import type { SentObserver } from './serve-handlers.ts'
import { uploadBytesMin } from './serve-handlers.ts'
import type { ServedFile } from './served-contents.ts'
import type { Requester, UploadQueue, UploadSlot } from './upload-queue.ts'
import {
  readFully,
  type VerifiedChunk,
  type VerifiedChunkDependencies,
  VerifiedChunks,
} from './verified-chunks.ts'

/** A larger chunk, of a content of more than 64 GiB, is verified without holding it in memory. */
const heldChunkBytesMax = 4 * 1024 * 1024
/** A read that has begun waits this long for a slot, because its client cannot ask again. */
const slotWaitMs = 60_000
/** Between two attempts to get one. */
const slotRetryMs = 250

export interface VerifiedReadRequest {
  readonly sha256: string
  readonly range: ByteRange
  readonly requester: Requester
  readonly signal: AbortSignal
  /** False if the bytes do not leave this peer: then they are neither queued nor counted. */
  readonly isSent?: boolean
}

interface Dependencies extends VerifiedChunkDependencies {
  readonly queue: Pick<UploadQueue, 'enter'>
  readonly uploads: UploadGate
  readonly sent?: Pick<SentObserver, 'onSent'> | undefined
}

/**
 * Reads local contents for clients that cannot verify them, such as browsers. They wait in the same queue
 * as other uploads, chunk by chunk, and their bytes pass the same gate.
 */
export class VerifiedReads implements Disposable {
  readonly #dependencies: Dependencies
  readonly #chunks: VerifiedChunks
  /** Reads in progress: the more there are, the less each reads ahead. */
  #running = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#chunks = new VerifiedChunks(dependencies)
  }

  /**
   * The bytes of a part of a content, in order; each piece is valid until the next is requested. All of
   * them were verified before they are yielded.
   * @throws (while iterating) AppError CONTENT_NOT_FOUND, CONTENT_CHANGED, DISK_FAILED, STOPPING, BUSY;
   *   or the signal's reason
   */
  async *pieces({
    range,
    isSent = true,
    ...request
  }: VerifiedReadRequest): AsyncGenerator<Uint8Array> {
    const { sha256, signal } = request
    const chunkList = this.#dependencies.contents.chunkList(sha256)
    const file = this.#dependencies.contents.first(sha256)
    if (chunkList === undefined || file === undefined)
      throw new AppError('CONTENT_NOT_FOUND', { sha256 })
    const reading = { ...request, isSent, size: file.content.size, chunkList }
    const sending = { purpose: 'download', signal } as const
    this.#running += 1
    try {
      for await (const piece of this.#verified(reading, range))
        if (isSent)
          yield* this.#sent(reading, gated(cut(piece), sending, this.#dependencies.uploads))
        else yield piece
    } finally {
      this.#running -= 1
    }
  }

  /** Memory of the chunks that are being sent, or are read ahead. */
  get usedBytes(): number {
    return this.#chunks.usedBytes
  }

  [Symbol.dispose](): void {
    this.#chunks[Symbol.dispose]()
  }

  /** The parts, reported as they leave. */
  async *#sent(
    { sha256, size, requester }: Reading,
    parts: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<Uint8Array> {
    const { sent } = this.#dependencies
    for await (const part of parts) {
      sent?.onSent({ to: requester.id, sha256, size, purpose: 'download' }, part.length)
      yield part
    }
  }

  async *#verified(reading: Reading, range: ByteRange): AsyncGenerator<Uint8Array> {
    if (range.bytes === 0) return
    const chunkBytes = chunkBytesFor(reading.size)
    const end = range.start + range.bytes
    const last = Math.floor((end - 1) / chunkBytes)
    const hasRoomFor = (chunk: number): boolean => this.#hasRoomFor(reading, chunk)
    using ahead = new ReadAhead({ load: (chunk) => this.#use(reading, chunk), hasRoomFor, last })
    for (let chunk = Math.floor(range.start / chunkBytes); chunk <= last; chunk += 1) {
      const whole = chunkRange(reading.size, chunk)
      const start = Math.max(range.start, whole.start)
      const part = { start, bytes: Math.min(end, whole.start + whole.bytes) - start }
      const isFirst = whole.start <= range.start
      using _ = await this.#slot(reading, { chunk, bytes: part.bytes, isFirst })
      const isHeld = chunkBytes === limits.chunkBytesMin || ahead.has(chunk) || hasRoomFor(chunk)
      if (chunkBytes > heldChunkBytesMax || !isHeld) {
        yield* this.#inUnits(reading, chunk, part)
        continue
      }
      using loaded = await ahead.take(chunk, this.#chunksAhead)
      // It may have been unshared, or found damaged, since the client began.
      if (this.#dependencies.contents.first(reading.sha256) === undefined)
        throw new AppError('CONTENT_NOT_FOUND', { sha256: reading.sha256 })
      const offset = start - whole.start
      yield loaded.bytes.subarray(offset, offset + part.bytes)
    }
  }

  /** Two keep the disk and both cores busy for one client. */
  get #chunksAhead(): number {
    if (this.#running <= 8) return 2
    return this.#running <= 32 ? 1 : 0
  }

  #hasRoomFor({ sha256, size }: Reading, chunk: number): boolean {
    return this.#chunks.hasRoomFor({ sha256, range: chunkRange(size, chunk) })
  }

  async #use({ sha256, size, chunkList }: Reading, chunk: number): Promise<VerifiedChunk> {
    const hash = chunkHashAt(chunkList, chunk)
    return await this.#chunks.use({ sha256, range: chunkRange(size, chunk), hash })
  }

  /** As for other peers, a short read does not wait for one. @throws AppError BUSY */
  async #slot(
    { sha256, requester, signal, isSent }: Reading,
    { chunk, bytes, isFirst }: { chunk: number; bytes: number; isFirst: boolean },
  ): Promise<UploadSlot | undefined> {
    const { queue, clock } = this.#dependencies
    if (!isSent || bytes < uploadBytesMin) return undefined
    const endMs = clock.monotonicMs() + (isFirst ? 0 : slotWaitMs)
    for (;;) {
      try {
        return await queue.enter({ sha256, chunk }, requester, signal)
      } catch (error) {
        if (!hasCode(error, 'BUSY') || clock.monotonicMs() >= endMs) throw error
      }
      await clock.sleep(slotRetryMs, signal)
    }
  }

  /**
   * A part of a large chunk. The chunk is read once to verify it, which also gives the hash of each unit
   * of it, and again unit by unit, each of which must have that hash.
   */
  async *#inUnits(reading: Reading, chunk: number, part: ByteRange): AsyncGenerator<Uint8Array> {
    const { openFiles, contents } = this.#dependencies
    const file = contents.first(reading.sha256)
    if (file === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256: reading.sha256 })
    using open = await openFiles.use(file)
    const units = unitsOf(chunkRange(reading.size, chunk))
    const buffer = Buffer.allocUnsafeSlow(limits.chunkBytesMin)
    const read = async ({ start, bytes }: ByteRange): Promise<Buffer> => {
      reading.signal.throwIfAborted()
      const unit = buffer.subarray(0, bytes)
      await readFully(open.handle, unit, start)
      return unit
    }
    const whole = createHash('sha256')
    const hashes = Buffer.alloc(units.length * hashBytes)
    for (const [index, range] of units.entries()) {
      const unit = await read(range)
      whole.update(unit)
      hashes.set(await hashOf(unit), index * hashBytes)
    }
    if (!whole.digest().equals(chunkHashAt(reading.chunkList, chunk))) throw this.#changed(file)
    const end = part.start + part.bytes
    for (const [index, range] of units.entries()) {
      const from = Math.max(part.start, range.start)
      const to = Math.min(end, range.start + range.bytes)
      if (from >= to) continue
      const unit = await read(range)
      if (!(await hashOf(unit)).equals(chunkHashAt(hashes, index))) throw this.#changed(file)
      yield unit.subarray(from - range.start, to - range.start)
    }
  }

  #changed({ at, content }: ServedFile): AppError {
    this.#dependencies.verify(content.sha256)
    return new AppError('CONTENT_CHANGED', { name: at.name })
  }
}

interface Reading extends Omit<VerifiedReadRequest, 'range' | 'isSent'> {
  readonly isSent: boolean
  readonly size: number
  readonly chunkList: Uint8Array
}

interface AheadParts {
  readonly load: (chunk: number) => Promise<VerifiedChunk>
  readonly hasRoomFor: (chunk: number) => boolean
  /** The last chunk to read. */
  readonly last: number
}

/** Chunks that are being loaded before they are sent; disposing releases those that are not. */
class ReadAhead implements Disposable {
  readonly #parts: AheadParts
  readonly #loading = new Map<number, Promise<VerifiedChunk>>()

  constructor(parts: AheadParts) {
    this.#parts = parts
  }

  /** Whether the chunk is loaded, or is being loaded. */
  has(chunk: number): boolean {
    return this.#loading.has(chunk)
  }

  /** The chunk, once it is loaded; meanwhile the next ones are begun, as far as there is room. */
  take(chunk: number, ahead: number): Promise<VerifiedChunk> {
    const { load, hasRoomFor, last } = this.#parts
    for (let next = chunk; next <= Math.min(last, chunk + ahead); next += 1) {
      if (this.#loading.has(next)) continue
      if (next > chunk && !hasRoomFor(next)) break
      const loading = load(next)
      // A failure is thrown when the chunk is taken.
      loading.catch(() => {})
      this.#loading.set(next, loading)
    }
    const taken = this.#loading.get(chunk) ?? load(chunk)
    this.#loading.delete(chunk)
    return taken
  }

  [Symbol.dispose](): void {
    for (const loading of this.#loading.values())
      loading.then(
        (chunk) => chunk[Symbol.dispose](),
        () => {},
      )
  }
}

/** Parts of 1 MiB; the last may be shorter. */
function unitsOf({ start, bytes }: ByteRange): ByteRange[] {
  const count = Math.ceil(bytes / limits.chunkBytesMin)
  return Array.from({ length: count }, (_, index) => {
    const done = index * limits.chunkBytesMin
    return { start: start + done, bytes: Math.min(limits.chunkBytesMin, bytes - done) }
  })
}
