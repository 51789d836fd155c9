import type { Clock } from '../../common/clock.ts'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkBytesFor, chunkCountFor, hashBytes } from '../../common/content/chunks.ts'
import type { FileStat } from '../../common/content/file-stat.ts'
import { ThreadCaller } from '../../common/thread/thread-caller.ts'
import { diskFaultCodes } from './disk-fault-codes.ts'
import type { CatalogFile } from './entry.ts'
import type { ReadCopyReply, ReadCopyRequest } from './read-copy-thread.ts'

/** Bytes read by one call to the thread: it costs little beside reading them, and pauses are short. */
const callBytes = 4 * 1024 * 1024

/** The chunks that were found good, and the first fault of the others. */
export interface Readings {
  readonly good: ChunkSet
  readonly why: string | undefined
}

/** What reading a copy showed. */
export type CopyState =
  | { readonly state: 'good' }
  /** `isUnreadable`: the disk gave no chunk of it. */
  | ({ readonly state: 'bad'; readonly why: string; readonly isUnreadable: boolean } & Readings)
  /** It was written, or replaced, while it was read or before. */
  | { readonly state: 'changed' }
  /** It cannot be opened. */
  | { readonly state: 'refused'; readonly code: string | undefined; readonly reason: string }

export interface CopyReading {
  readonly signal: AbortSignal
  /** Chunks before it were read before, and were good. */
  readonly fromChunk: number
  /** Called with the bytes just read and the number of chunks read; the next are read when it resolves. */
  readonly pace: (bytes: number, chunks: number) => Promise<void> | void
  /** Called when the first fault is found. */
  readonly onFault: (readings: Readings & { readonly why: string }) => void
}

/** A copy: its file, as it must stay while it is read, and its content. */
export interface CopyToRead extends CatalogFile {
  readonly stat: FileStat
  readonly chunkList: Uint8Array
}

/** Reads files and compares them with their chunk lists, in a thread that ends when idle. */
export class CopyReader implements AsyncDisposable {
  readonly #thread: ThreadCaller<ReadCopyRequest, ReadCopyReply>

  constructor(dependencies: { clock: Clock }) {
    this.#thread = new ThreadCaller(new URL('./read-copy-thread.ts', import.meta.url), dependencies)
  }

  /** @throws the signal's reason; Error how the thread ended */
  async read(
    copy: CopyToRead,
    { signal, fromChunk, pace, onFault }: CopyReading,
  ): Promise<CopyState> {
    const { size } = copy.content
    const count = chunkCountFor(size)
    const good = new ChunkSet(count)
    for (let chunk = 0; chunk < Math.min(fromChunk, count); chunk += 1) good.add(chunk)
    let why: string | undefined
    let isUnreadable = fromChunk === 0
    const step = Math.max(1, Math.floor(callBytes / chunkBytesFor(size)))
    for (let chunk = fromChunk; chunk < count; chunk += step) {
      signal.throwIfAborted()
      const request = requestFor(copy, chunk, Math.min(step, count - chunk))
      const reply = await this.#thread.call(request)
      if (reply.kind === 'changed') return { state: 'changed' }
      if (reply.kind === 'refused') return { ...reply, state: 'refused' }
      for (const [index, fault] of reply.faults.entries()) {
        isUnreadable &&= fault?.isUnreadable === true
        if (fault === undefined) good.add(chunk + index)
        else if (why === undefined) {
          ;({ why } = fault)
          onFault({ good: good.copy(), why })
        }
      }
      const end = Math.min(size, request.start + step * request.chunkBytes)
      const paused = pace(end - request.start, Math.min(count, chunk + step))
      if (paused !== undefined) await paused
    }
    return why === undefined ? { state: 'good' } : { state: 'bad', good, why, isUnreadable }
  }

  /** Whether the disk gives the first chunk of a copy, whatever its bytes. @throws Error how the thread ended */
  async isReadable(copy: CopyToRead): Promise<boolean> {
    const reply = await this.#thread.call(requestFor(copy, 0, 1))
    if (reply.kind === 'refused') return reply.code === undefined || !diskFaultCodes.has(reply.code)
    return reply.kind === 'changed' || reply.faults[0]?.isUnreadable !== true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}

function requestFor(
  { at, stat, content: { size }, chunkList }: CopyToRead,
  chunk: number,
  count: number,
): ReadCopyRequest {
  const chunkBytes = chunkBytesFor(size)
  const hashes = chunkList.slice(chunk * hashBytes, (chunk + count) * hashBytes)
  const { root, path } = at
  return { root, path, stat, start: chunk * chunkBytes, chunkBytes, hashes, end: size }
}
