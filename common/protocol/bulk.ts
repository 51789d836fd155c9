/** Bulk bytes: raw bytes that follow a reply, with back-pressure on both sides. */
import type { ByteRange } from '../content/chunks.ts'
import { AppError } from '../errors.ts'
import type { BufferPool } from './buffer-pool.ts'
import { type Account, unboundedAccount } from './byte-budget.ts'

/** Receives the bulk bytes of one reply. */
export interface BulkSink {
  /**
   * Called first, with the number of bytes that follow and the reply. Throws to refuse them; they
   * are then skipped.
   */
  begin(bytes: number, body: unknown): void
  /**
   * Takes the next piece, which is valid only until this returns or its promise settles. While the
   * promise is pending, the socket is not read.
   */
  write(piece: Uint8Array): void | Promise<void>
  /**
   * Called for discarded bytes: refused ones, or those of a cancelled request. A promise pauses the
   * socket as in `write`.
   */
  skip?(bytes: number): void | Promise<void>
}

/**
 * The bulk bytes of one reply: exactly `bytes`, in pieces of any size. Iteration starts when the
 * reply is sent, which may be never; resources are acquired then.
 */
export interface BulkSource {
  readonly bytes: number
  /**
   * Each piece is valid until the next is requested; the receiver's account counts it until then.
   */
  readonly pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** Collects a reply's bytes in a given buffer, which may be larger than the reply. */
export class FixedBufferSink implements BulkSink {
  readonly #buffer: Buffer
  #bytesWritten = 0

  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  /** The written part of the buffer. */
  get received(): Buffer {
    return this.#buffer.subarray(0, this.#bytesWritten)
  }

  begin(bytes: number): void {
    if (bytes > this.#buffer.length)
      throw new AppError('TOO_LARGE', { what: 'A reply', max: this.#buffer.length, unit: 'bytes' })
    this.#bytesWritten = 0
  }

  write(piece: Uint8Array): void {
    this.#buffer.set(piece, this.#bytesWritten)
    this.#bytesWritten += piece.length
  }
}

/** Collects a reply of unknown size, up to a limit, in a new buffer. */
export class BufferSink implements BulkSink {
  readonly #bytesMax: number
  #sink = new FixedBufferSink(Buffer.alloc(0))

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get received(): Buffer {
    return this.#sink.received
  }

  begin(bytes: number): void {
    if (bytes > this.#bytesMax)
      throw new AppError('TOO_LARGE', { what: 'A reply', max: this.#bytesMax, unit: 'bytes' })
    this.#sink = new FixedBufferSink(Buffer.allocUnsafe(bytes))
  }

  write(piece: Uint8Array): void {
    this.#sink.write(piece)
  }
}

/** The part of a file handle that reading needs. */
export interface ReadableHandle {
  read(
    into: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>
}

export function bytesSource(bytes: Uint8Array): BulkSource {
  return { bytes: bytes.length, pieces: [bytes] }
}

/**
 * `bytes` bytes of a file from `start`. Iteration throws CONTENT_CHANGED if the file is too short.
 * The handle stays open.
 * @param account holds the buffers
 */
export function fileRange(
  handle: ReadableHandle,
  { start, bytes }: ByteRange,
  pool: BufferPool,
  account: Account = unboundedAccount,
): BulkSource {
  return { bytes, pieces: readRange(handle, { start, bytes }, pool, account) }
}

async function* readRange(
  handle: ReadableHandle,
  { start, bytes }: ByteRange,
  pool: BufferPool,
  account: Account,
): AsyncGenerator<Uint8Array> {
  if (bytes === 0) return
  let [buffer, spare] = [pool.takeFor(account), pool.takeFor(account)]
  const read = (done: number): Promise<number> => {
    const wanted = Math.min(buffer.length, bytes - done)
    const reading = readPiece(handle, buffer.subarray(0, wanted), start + done)
    // A failure is thrown when the piece is requested.
    reading.catch(() => {})
    return reading
  }
  let reading = read(0)
  try {
    for (let done = 0; done < bytes; ) {
      const bytesRead = await reading
      const piece = buffer.subarray(0, bytesRead)
      done += bytesRead
      // Reads the next piece while this one is being sent.
      ;[buffer, spare] = [spare, buffer]
      if (done < bytes) reading = read(done)
      yield piece
    }
  } finally {
    await reading.catch(() => {})
    pool.release(buffer, account)
    pool.release(spare, account)
  }
}

async function readPiece(handle: ReadableHandle, into: Buffer, position: number): Promise<number> {
  const { bytesRead } = await handle.read(into, 0, into.length, position)
  if (bytesRead === 0) throw new AppError('CONTENT_CHANGED', { name: 'the file' })
  return bytesRead
}
