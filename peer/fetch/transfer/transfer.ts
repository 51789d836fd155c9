import assert from 'node:assert/strict'
import type { Clock } from '../../../common/clock.ts'
import { chunkBytesFor, chunkRange } from '../../../common/content/chunks.ts'
import { AppError } from '../../../common/errors.ts'
import { deadlines } from '../../../common/limits.ts'
import type { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import type { Random } from '../../../common/random.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { ChunkStore } from '../chunk-store.ts'
import type { DigestedFile } from '../disk/digested-file.ts'
import type { ChunkSource } from '../source/chunk-source.ts'
import { ChunkBoard, type ChunkRequest } from './chunk-board.ts'
import { ChunkList } from './chunk-list.ts'
import { hasRoom, type PickedChunk, pickChunk, type Situation } from './chunk-picker.ts'
import { chunksAtOnceFor, nextChunkBefore, ranksFrom } from './chunk-plan.ts'
import type { ChunkReuse } from './chunk-reuse.ts'
import { mismatchOf, WorkingSource } from './working-source.ts'

export interface TransferOptions {
  readonly content: Content
  /** For errors. */
  readonly name: string
  readonly file: ChunkStore
  /** Whether the content is unlisted: only its SHA-256 proves it. */
  readonly learnsChunks?: boolean | undefined
  /** Whether one source that has all is known at the start: it may choose what it sends first. */
  readonly hasOneSource: boolean
  /** Defined when the chunk root is believed only if the whole content has its SHA-256. */
  readonly digest?: Pick<DigestedFile, 'finish'> | undefined
  /** The chunks that this peer has in other files; without it, all are requested. */
  readonly reuse?: Pick<ChunkReuse, 'find' | 'copy'> | undefined
  /** Called after each verified chunk. */
  readonly onChanged?: (() => void) | undefined
}

/** A request to a source of this transfer. */
type Request = ChunkRequest<WorkingSource>

/** One read of a source. */
interface Read {
  readonly request: Request
  /** Other chunks that will do as well. */
  readonly or: readonly number[]
  readonly stop: AbortController
  readonly buffer: Buffer
}

/**
 * Moves one content into one partial file, from as many sources as there are. Which chunk is in which
 * state is known to the board; what to request next is decided by the picker; this is the I/O between
 * them. Chunks are read into a bounded number of buffers, so that memory does not grow with the content:
 *
 *   picker -> source.read -> file.put, which compares the hash with the chunk list's -> the content's own hash
 *
 * Chunks that this peer has in other files are reserved first, and copied by the same `file.put`.
 */
export class Transfer {
  readonly #options: TransferOptions
  readonly #clock: Clock
  readonly #buffers: BufferPool
  #buffersInUse = 0
  readonly #board: ChunkBoard<WorkingSource>
  readonly #rankOf: (chunk: number) => number
  /** Ends the read of a request that is withdrawn. */
  readonly #stops = new Map<Request, AbortController>()
  readonly #contributors = new Set<string>()
  /** Resolves when there is nothing more to do: complete, or failed. */
  readonly #ended = Promise.withResolvers<undefined>()
  readonly #chunkList: ChunkList
  readonly #changes = new WakeUp()
  /** Resolves when the chunks that will be copied are reserved: before, none is requested. */
  readonly #reserved = Promise.withResolvers<void>()
  #isCopying: boolean
  /** Why all work ends; no source can help. */
  #failure: Error | undefined

  constructor(
    options: TransferOptions,
    dependencies: { clock: Clock; random: Random; buffers: BufferPool },
  ) {
    this.#options = options
    this.#clock = dependencies.clock
    this.#buffers = dependencies.buffers
    this.#board = new ChunkBoard(options.file.verified)
    this.#rankOf = ranksFrom(dependencies.random.bytes(4).readUInt32BE())
    const onFailed = (error: Error): void => this.abandon(error)
    const learns = options.learnsChunks ?? false
    this.#chunkList = new ChunkList({ ...options, learns, onFailed }, dependencies)
    options.file.onWanted?.(() => this.look())
    this.#isCopying = options.reuse !== undefined
    if (!this.#isCopying) this.#reserved.resolve()
  }

  /** Labels of the sources that gave good chunks. */
  get contributors(): ReadonlySet<string> {
    return this.#contributors
  }

  get isComplete(): boolean {
    return this.#board.isComplete
  }

  get chunksMissing(): number {
    return this.#board.missingCount
  }

  /** Whether no source owes a chunk although chunks are wanted. */
  get isIdle(): boolean {
    const { taken, isIdle } = this.#board
    const wantedEnd = this.#options.file.wantedEnd ?? taken.chunkCount
    return isIdle && nextChunkBefore(wantedEnd, taken, undefined) !== undefined
  }

  /** Whether chunks are copied from this peer's own files, so that more may be present soon without any source. */
  get isCopying(): boolean {
    return this.#isCopying && this.#chunkList.verified !== undefined
  }

  /** Lets all sources look for work; called from time to time. */
  look(): void {
    this.#changes.notify()
  }

  /** Ends the work of all sources; verified chunks stay. */
  abandon(reason: Error): void {
    this.#failure ??= reason
    this.#ended.resolve(undefined)
    this.look()
  }

  /**
   * Copies the chunks that this peer has in other files, as soon as the chunk list is known; called once.
   * Returns when there is none left, or all work ends. Never rejects.
   */
  async copyOwn(): Promise<void> {
    const { reuse } = this.#options
    if (reuse === undefined) return
    await Promise.race([this.#chunkList.known, this.#ended.promise])
    const { verified: chunkList } = this.#chunkList
    const found = chunkList === undefined ? [] : await reuse.find(chunkList)
    if (this.#failure === undefined) {
      this.#board.reserve(found)
      this.#reserved.resolve()
      for (const chunk of found) await this.#copy(chunk, reuse)
    }
    this.#isCopying = false
    this.#reserved.resolve()
    this.look()
  }

  /**
   * Takes missing chunks from `source`, beside others. Returns when the content is complete or, once
   * `retired` is aborted, when the requested chunks have arrived. After a failure, verified chunks stay.
   * @throws AppError SOURCE_FAILED or HASH_MISMATCH when the source is to blame; DISK_FULL or
   *   DISK_FAILED when the disk is; or the reason of the source's signal
   */
  async takeFrom(source: ChunkSource, retired: AbortSignal): Promise<void> {
    const prepared = Promise.all([
      this.#chunkList.from(source),
      this.#isSingleChunk ? undefined : source.chunksHeld(),
    ])
    const ready = await Promise.race([prepared, this.#ended.promise])
    if (ready === undefined) {
      // Without this, a disk that refuses the file would be tried again without end.
      if (this.#failure !== undefined) throw this.#failure
      return
    }
    await Promise.race([this.#reserved.promise, this.#ended.promise])
    const [, chunksHeld] = ready
    await this.#work(new WorkingSource(source, chunksHeld, retired))
  }

  /**
   * The chunk list, once complete. The chunk root was stated by the peers that announced the content:
   * unless several agree, only the hash over all bytes proves that it belongs to the requested SHA-256.
   * @throws AppError HASH_MISMATCH, DISK_FAILED; or the signal's reason
   */
  async finish(signal: AbortSignal): Promise<Buffer> {
    const { content, name, digest } = this.#options
    const { verified: chunkList } = this.#chunkList
    assert(this.isComplete && chunkList !== undefined)
    if (digest === undefined) return chunkList
    if ((await digest.finish(signal)) === content.sha256) return chunkList
    const source = [...this.#contributors].join(', ')
    throw new AppError('HASH_MISMATCH', { source, what: `'${name}' as a whole` })
  }

  get #isSingleChunk(): boolean {
    return this.#board.taken.chunkCount === 1
  }

  get #situation(): Situation {
    const { content, file, hasOneSource } = this.#options
    return {
      size: content.size,
      board: this.#board,
      wantedEnd: file.wantedEnd,
      hasOneSource,
      rankOf: this.#rankOf,
      nowMs: this.#clock.monotonicMs(),
    }
  }

  /** Requests chunks from one source until there is nothing more to take from it. */
  async #work(own: WorkingSource): Promise<void> {
    const reads = new Set<Promise<void>>()
    const left = new AbortController()
    this.#board.addSource(own)
    const watching = this.#watchChunksHeld(own, left.signal)
    try {
      while (!this.isComplete && this.#failure === undefined) {
        if (own.isLeaving && this.#board.requestsOf(own).size === 0) break
        if (!this.#startRead(own, reads)) await this.#changes.next()
      }
    } finally {
      this.#stop(this.#board.removeSource(own))
      left.abort(superseded)
      await Promise.all([watching, ...reads])
    }
    if (this.#failure !== undefined) throw this.#failure
    if (own.failure !== undefined) throw own.failure
  }

  /** Requests one more chunk; false when there is none to request at the moment, or no room for it. */
  #startRead(own: WorkingSource, reads: Set<Promise<void>>): boolean {
    const { size } = this.#options.content
    const situation = this.#situation
    if (!hasRoom(own, situation) || this.#buffersInUse >= chunksAtOnceFor(size)) return false
    const picked = pickChunk(own, situation)
    if (picked === undefined) return false
    const request = this.#request(own, picked, situation.nowMs)
    const stop = new AbortController()
    this.#stops.set(request, stop)
    const buffer = this.#takeBuffer()
    const read = this.#read({ request, or: picked.or, stop, buffer }).then(() => {
      reads.delete(read)
      this.look()
    })
    reads.add(read)
    return true
  }

  #request(own: WorkingSource, { chunk, or, insteadOf }: PickedChunk, atMs: number): Request {
    if (insteadOf !== undefined) {
      this.#board.withdraw(insteadOf)
      this.#stop([insteadOf])
    }
    const { bytes } = chunkRange(this.#options.content.size, chunk)
    return this.#board.request(own, { chunk, bytes, atMs, isOpen: or.length > 0 })
  }

  /** Ends the reads of withdrawn requests. */
  #stop(withdrawn: readonly Request[]): void {
    for (const request of withdrawn) this.#stops.get(request)?.abort(superseded)
  }

  /** Memory for a chunk. */
  #takeBuffer(): Buffer {
    const { size } = this.#options.content
    this.#buffersInUse += 1
    return this.#buffers.take(Math.min(size, chunkBytesFor(size)))
  }

  /** The memory of a chunk is no longer needed. */
  #release(buffer: Buffer): void {
    this.#buffersInUse -= 1
    this.#buffers.release(buffer)
    this.look()
  }

  #releaseAfter(used: Promise<void> | undefined, buffer: Buffer): void {
    const release = (): void => this.#release(buffer)
    if (used === undefined) release()
    else used.then(release, release)
  }

  /** The first bytes of a chunk arrive, which the source may have chosen. */
  #onBegin(request: Request, chunk: number): void {
    if (request.state === 'ended') return
    const wasOpen = request.state === 'open'
    const { isRepeat, withdrawn } = this.#board.begin(request, chunk)
    if (isRepeat) request.source.onRepeated(chunk)
    this.#stop(withdrawn)
    if (wasOpen) this.look()
  }

  /** Keeps what is known of a source that lacks chunks up to date, until `ended`. Never rejects. */
  async #watchChunksHeld(own: WorkingSource, ended: AbortSignal): Promise<void> {
    try {
      while (own.chunksHeld !== undefined && !ended.aborted) {
        const beyond = own.chunksHeld.size
        own.chunksHeld = await own.source.chunksHeld({ beyond, signal: ended })
        this.look()
        const isNews = own.chunksHeld === undefined || own.chunksHeld.size > beyond
        if (!isNews) await this.#clock.sleep(deadlines.partialSourceMs, ended)
      }
    } catch (error) {
      if (ended.aborted) return
      own.failure ??= error as Error
      this.look()
    }
  }

  /** Takes one chunk. Never rejects: the failure is noted at the source or at the transfer. */
  async #read({ request, or, stop, buffer }: Read): Promise<void> {
    const own = request.source
    const bytes = buffer.subarray(0, request.bytes)
    try {
      await own.source.read({ chunk: request.chunk, or }, bytes, stop.signal, (chunk) =>
        this.#onBegin(request, chunk),
      )
    } catch (error) {
      if (!stop.signal.aborted) {
        this.#board.withdraw(request)
        own.onFailed(error as Error, this.#clock.monotonicMs())
      }
      return this.#release(buffer)
    } finally {
      this.#stops.delete(request)
    }
    own.onSent()
    if (stop.signal.aborted) return this.#release(buffer)
    this.#board.arrive(request)
    const hash = await this.#chunkList.hashOf(request.chunk, bytes)
    await this.#keep(request, { buffer, bytes, hash })
  }

  /** Has a chunk checked and stored; other sources that still send a good one are not waited for. */
  async #keep(
    request: Request,
    { buffer, bytes, hash }: { buffer: Buffer; bytes: Buffer; hash: Uint8Array },
  ): Promise<void> {
    const { chunk, source: own } = request
    try {
      const { isGood, released } = await this.#options.file.put(chunk, bytes, hash)
      if (isGood) this.#onVerified(request)
      else {
        this.#board.reject(request)
        const error = mismatchOf(own.source, `chunk ${chunk} of '${this.#options.name}'`)
        own.onFailed(error, this.#clock.monotonicMs())
      }
      this.#releaseAfter(released, buffer)
    } catch (error) {
      this.abandon(error as Error)
    }
  }

  /** Copies a reserved chunk; if that fails, sources are requested for it. Never rejects. */
  async #copy(chunk: number, reuse: Pick<ChunkReuse, 'copy'>): Promise<void> {
    const { size } = this.#options.content
    while (this.#failure === undefined && this.#buffersInUse >= chunksAtOnceFor(size))
      await this.#changes.next()
    if (this.#failure !== undefined) return
    const { bytes } = chunkRange(size, chunk)
    const buffer = this.#takeBuffer()
    try {
      const { isGood, released } = await reuse.copy(chunk, buffer.subarray(0, bytes))
      if (isGood) this.#onCopied(chunk)
      else this.#board.release(chunk)
      this.#releaseAfter(released, buffer)
    } catch (error) {
      this.abandon(error as Error)
    }
  }

  #onCopied(chunk: number): void {
    this.#board.fill(chunk)
    this.#onProgress()
  }

  #onVerified(request: Request): void {
    const { source: own } = request
    this.#stop(this.#board.verify(request))
    own.onGood()
    this.#contributors.add(own.source.label)
    this.#onProgress()
  }

  #onProgress(): void {
    this.#options.onChanged?.()
    if (this.isComplete) this.#ended.resolve(undefined)
  }
}

/** Why a read ends early: another source was faster, or all is done. */
const superseded = new AppError('CANCELLED', { what: 'A read' })
