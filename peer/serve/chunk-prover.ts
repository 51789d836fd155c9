import { createHash } from 'node:crypto'
import {
  type ByteRange,
  chunkCountFor,
  chunkHashAt,
  chunkRange,
} from '../../common/content/chunks.ts'
import { AppError, hasCode, toAppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { BulkSource, ReadableHandle } from '../../common/protocol/bulk.ts'
import { unboundedAccount } from '../../common/protocol/byte-budget.ts'
import { mayHold } from '../../common/protocol/host-share.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { type FileDependencies, piecesOf } from './file-bytes.ts'
import { uploadBytesMin } from './serve-handlers.ts'
import type { ServedContents } from './served-contents.ts'
import type { Requester, UploadQueue } from './upload-queue.ts'
import { readFully } from './verified-chunks.ts'

/** Chunks that are read for the index, or wait to be: as many as it asks for at a time. */
export const proofsMax = 8
/** The same for all members of a mesh together; those of one host get half of them. */
const memberProofsMax = 16

const theIndex: Requester = { id: 'index', host: 'index' }

type ContentChunk = RequestOf<'show-chunk'>

interface Entering {
  readonly range: ByteRange
  readonly asker: Requester
  readonly signal: AbortSignal
}

interface Dependencies extends FileDependencies {
  readonly contents: ServedContents
  readonly queue: Pick<UploadQueue, 'enter'>
  /** Called with the hash of a content of which a file has other bytes; returns immediately. */
  readonly verify: (sha256: string) => void
}

/** Reads chunks for an index that asks whether this peer has its copies, in the queue of its uploads. */
export class ChunkProver {
  readonly #dependencies: Dependencies
  #ofIndex = 0
  #ofMembers = 0
  readonly #ofHosts = new Map<string, number>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * The SHA-256 of the nonce and the chunk, in hexadecimal digits, read from any file of the content. Bytes
   * that are not the chunk are never proven: the file is verified instead.
   * @param asker the member of a mesh that asks; by default an index
   * @throws AppError CONTENT_NOT_FOUND, CHUNK_OUT_OF_RANGE, CONTENT_CHANGED, DISK_FAILED, BUSY, STOPPING;
   *   or the signal's reason
   */
  async prove(
    { sha256, chunk, nonce }: RequestOf<'prove'>,
    signal: AbortSignal,
    asker: Requester = theIndex,
  ): Promise<string> {
    const { list, range } = this.#find({ sha256, chunk })
    using _ = await this.#enter({ sha256, chunk }, { range, asker, signal })
    const { contents, openFiles, recheck, verify } = this.#dependencies
    let failure = new AppError('CONTENT_NOT_FOUND', { sha256 })
    for (const file of contents.find(sha256)) {
      const own = createHash('sha256')
      const proof = createHash('sha256').update(Buffer.from(nonce, 'hex'))
      try {
        using open = await openFiles.use(file)
        for await (const piece of piecesIn(open.handle, range)) {
          signal.throwIfAborted()
          own.update(piece)
          proof.update(piece)
        }
      } catch (error) {
        if (signal.aborted || hasCode(error, 'STOPPING')) throw error
        recheck(file.at.path)
        if (!hasCode(error, 'FILE_NOT_FOUND')) failure = toAppError(error)
        continue
      }
      if (own.digest().equals(chunkHashAt(list, chunk))) return proof.digest('hex')
      verify(sha256)
      failure = new AppError('CONTENT_CHANGED', { name: file.at.name })
    }
    throw failure
  }

  /**
   * The chunk list of the content and, after it, the chunk.
   * @throws AppError CONTENT_NOT_FOUND, CHUNK_OUT_OF_RANGE, BUSY; or the signal's reason
   */
  async show(wanted: ContentChunk, signal: AbortSignal): Promise<BulkSource> {
    const { list, range } = this.#find(wanted)
    const slot = await this.#enter(wanted, { range, asker: theIndex, signal })
    const pieces = this.#shown(wanted.sha256, list, range, signal)
    return { bytes: list.length + range.bytes, pieces: during(slot, pieces) }
  }

  async *#shown(
    sha256: string,
    list: Uint8Array,
    range: ByteRange,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    yield list
    const { contents } = this.#dependencies
    const sending = { purpose: 'replication', signal, account: unboundedAccount } as const
    const filesNow = (): ReturnType<ServedContents['find']> => contents.find(sha256)
    yield* piecesOf(sha256, filesNow, range, sending, this.#dependencies)
  }

  #find({ sha256, chunk }: ContentChunk): {
    readonly list: Uint8Array
    readonly range: ByteRange
  } {
    const { contents } = this.#dependencies
    const file = contents.first(sha256)
    const list = contents.chunkList(sha256)
    if (file === undefined || list === undefined)
      throw new AppError('CONTENT_NOT_FOUND', { sha256 })
    const { size } = file.content
    const chunks = chunkCountFor(size)
    if (chunk >= chunks) throw new AppError('CHUNK_OUT_OF_RANGE', { chunks, chunk })
    return { list, range: chunkRange(size, chunk) }
  }

  /** As for other peers, a short read does not wait. The signal ends what never starts. */
  async #enter(
    { sha256, chunk }: ContentChunk,
    { range: { bytes }, asker, signal }: Entering,
  ): Promise<Disposable> {
    if (!this.#mayRun(asker)) throw new AppError('BUSY')
    this.#count(asker, 1)
    const stack = new DisposableStack()
    const release = (): void => stack.dispose()
    stack.defer(() => {
      this.#count(asker, -1)
      signal.removeEventListener('abort', release)
    })
    try {
      if (bytes >= uploadBytesMin) {
        const wanted = { sha256, chunk, isBackground: true } as const
        // What a member fetches is queued apart from what it has proven.
        const { id, host } = asker
        const requester = { id: `proofs of ${id}`, host: `proofs of ${host}` }
        stack.use(await this.#dependencies.queue.enter(wanted, requester, signal))
      }
      signal.throwIfAborted()
      signal.addEventListener('abort', release, { once: true })
      return stack
    } catch (error) {
      stack.dispose()
      throw error
    }
  }

  /** Members that ask without end must not make this peer seem to be without its copies, as it is too busy. */
  #mayRun(asker: Requester): boolean {
    if (asker === theIndex) return this.#ofIndex < proofsMax
    const hostBytes = this.#ofHosts.get(asker.host) ?? 0
    return mayHold(1, { bytesMax: memberProofsMax, usedBytes: this.#ofMembers, hostBytes })
  }

  #count(asker: Requester, more: 1 | -1): void {
    if (asker === theIndex) {
      this.#ofIndex += more
      return
    }
    const { host } = asker
    const ofHost = (this.#ofHosts.get(host) ?? 0) + more
    if (ofHost === 0) this.#ofHosts.delete(host)
    else this.#ofHosts.set(host, ofHost)
    this.#ofMembers += more
  }
}

/** Each piece is valid until the next is requested. @throws AppError CONTENT_CHANGED if the file is too short */
async function* piecesIn(
  handle: ReadableHandle,
  { start, bytes }: ByteRange,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, limits.diskReadBytes))
  for (let done = 0; done < bytes; ) {
    const piece = buffer.subarray(0, bytes - done)
    await readFully(handle, piece, start + done)
    done += piece.length
    yield piece
  }
}

async function* during(slot: Disposable, pieces: BulkSource['pieces']): AsyncGenerator<Uint8Array> {
  using _ = slot
  yield* pieces
}
