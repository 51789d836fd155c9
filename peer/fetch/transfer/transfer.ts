import assert from 'node:assert/strict'
import type { Clock } from '../../../common/clock.ts'
import type { ChunkSet } from '../../../common/content/chunk-set.ts'
import {
  chunkBytesFor,
  chunkHashAt,
  chunkRange,
  chunkRootOf,
} from '../../../common/content/chunks.ts'
import { AppError } from '../../../common/errors.ts'
import { deadlines } from '../../../common/limits.ts'
import type { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import type { Random } from '../../../common/random.ts'
import type { ChunkStore } from '../chunk-store.ts'
import type { DigestedFile } from '../disk/digested-file.ts'
import type { ChunkSource, WantedChunk } from '../source/chunk-source.ts'
import { ChunkPicker } from './chunk-picker.ts'
import { type Ask, closedOf, isExcuse, isLeaving, type Lane, laneOf, onRepeated } from './lane.ts'
import { chunksAtOnceFor, nextChunkBefore } from './plan.ts'

export interface TransferOptions {
  readonly content: Content
  /** For errors. */
  readonly name: string
  readonly file: ChunkStore
  /** Whether one source that has all is known at the start: it may choose what it sends first. */
  readonly hasOneSource: boolean
  /** There when the chunk root is to be believed only if the whole content has its SHA-256. */
  readonly digest: Pick<DigestedFile, 'finish'> | undefined
  /** Told after each verified chunk. */
  readonly onProgress: () => void
}

/** One read of a source. */
interface Read {
  readonly ask: Ask
  /** Other chunks that will do as well. */
  readonly or: readonly number[]
  readonly buffer: Buffer
  readonly chunkList: Buffer
}

/**
 * One content on its way into one partial file, from as many sources as are there. Chunks are read
 * into a bounded number of buffers, so that memory does not grow with the content:
 *
 *   plan -> source.read -> file.put, which compares the hash with the chunk list's -> the content's own hash
 */
export class Transfer {
  readonly #options: TransferOptions
  readonly #clock: Clock
  /** Chunks that are verified or asked for. */
  readonly #taken: ChunkSet
  readonly #buffers: BufferPool
  #buffersInUse = 0
  readonly #lanes = new Set<Lane>()
  /** Chunks that came and are being checked and kept. */
  readonly #arrived = new Set<number>()
  readonly #contributors = new Set<string>()
  readonly #chunkListKnown = Promise.withResolvers<void>()
  /** Resolves when there is nothing more to do: complete, or failed. */
  readonly #ended = Promise.withResolvers<undefined>()
  readonly #picker: ChunkPicker
  #chunkList: Buffer | undefined
  /** There once somebody sent a good one. */
  #beginning: Promise<void> | undefined
  #changed = Promise.withResolvers<void>()
  /** Why all work ends; no source can help. */
  #failure: Error | undefined

  constructor(
    options: TransferOptions,
    dependencies: { clock: Clock; random: Random; buffers: BufferPool },
  ) {
    const { size, sha256: contentHash } = options.content
    this.#options = options
    this.#clock = dependencies.clock
    this.#buffers = dependencies.buffers
    this.#taken = options.file.verified.copy()
    this.#picker = new ChunkPicker(
      {
        size,
        taken: this.#taken,
        wantedEnd: () => options.file.wantedEnd,
        hasOneSource: options.hasOneSource,
        isHere: (chunk) => this.#isHere(chunk),
      },
      dependencies,
    )
    this.#chunkList = options.file.chunkList
    // The hash of a single chunk is the content's: nobody needs to be asked for the list.
    if (this.#isSingleChunk) this.#chunkList = Buffer.from(contentHash, 'hex')
    options.file.onWanted?.(() => this.look())
  }

  /** Labels of the sources that gave good chunks. */
  get contributors(): ReadonlySet<string> {
    return this.#contributors
  }

  get isComplete(): boolean {
    return this.#options.file.verified.isFull
  }

  get chunksMissing(): number {
    const { verified } = this.#options.file
    return verified.chunkCount - verified.size
  }

  /** Whether nothing is on its way although chunks are wanted. */
  get isIdle(): boolean {
    const isAnyWanted = nextChunkBefore(this.#wantedEnd, this.#taken, undefined) !== undefined
    return isAnyWanted && [...this.#lanes].every(({ asks }) => asks.size === 0)
  }

  /** Makes sources look again at what there is to do; called from time to time. */
  look(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers<void>()
  }

  /** Ends the work of all sources; what was verified stays. */
  abandon(reason: Error): void {
    this.#failure ??= reason
    this.#ended.resolve(undefined)
    this.look()
  }

  /**
   * Takes what is missing from `source`, beside others. Returns when the content is complete or, once
   * `retired` is aborted, when what was asked for has come. After a failure what was verified stays.
   * @throws AppError SOURCE_FAILED or HASH_MISMATCH when it is the source's fault; DISK_FULL or
   *   DISK_FAILED when it is ours; or the reason of the source's signal
   */
  async takeFrom(source: ChunkSource, retired: AbortSignal): Promise<void> {
    const prepared = Promise.all([
      this.#chunkListBy(source),
      this.#isSingleChunk ? undefined : source.chunksHeld(),
    ])
    const ready = await Promise.race([prepared, this.#ended.promise])
    if (ready === undefined) {
      // A disk that refuses the file, of which nobody heard, would be tried without end.
      if (this.#failure !== undefined) throw this.#failure
      return
    }
    const [chunkList, chunksHeld] = ready
    const lane = laneOf(source, chunksHeld, retired)
    this.#lanes.add(lane)
    const left = new AbortController()
    const watching = this.#watchChunksHeld(lane, left.signal)
    try {
      while (!this.isComplete && this.#failure === undefined) {
        if (isLeaving(lane) && lane.asks.size === 0) break
        if (!this.#startRead(lane, chunkList)) await this.#changed.promise
      }
    } finally {
      this.#lanes.delete(lane)
      for (const { stop } of lane.asks) stop.abort(superseded)
      left.abort(superseded)
      await Promise.all([watching, ...lane.reads])
    }
    if (this.#failure !== undefined) throw this.#failure
    if (lane.failure !== undefined) throw lane.failure
  }

  /**
   * The chunk list, once complete. The chunk root came from whoever announced the content: unless
   * several did, only the hash over all bytes shows that it belongs to the SHA-256 that was asked for.
   * @throws AppError HASH_MISMATCH, DISK_FAILED; or the signal's reason
   */
  async finish(signal: AbortSignal): Promise<Buffer> {
    const { content, name, digest } = this.#options
    assert(this.isComplete && this.#chunkList !== undefined)
    if (digest === undefined) return this.#chunkList
    if ((await digest.finish(signal)) === content.sha256) return this.#chunkList
    const source = [...this.#contributors].join(', ')
    throw new AppError('HASH_MISMATCH', { source, what: `'${name}' as a whole` })
  }

  get #isSingleChunk(): boolean {
    return this.#taken.chunkCount === 1
  }

  get #wantedEnd(): number {
    return this.#options.file.wantedEnd ?? this.#taken.chunkCount
  }

  /** The verified chunk list: from `source`, unless another is faster or was before. */
  async #chunkListBy(source: ChunkSource): Promise<Buffer> {
    if (this.#chunkList === undefined)
      await Promise.race([this.#chunkListKnown.promise, this.#takeChunkList(source)])
    assert(this.#chunkList !== undefined)
    return this.#chunkList
  }

  async #takeChunkList(source: ChunkSource): Promise<void> {
    const chunkList = await this.#chunkListOnceThere(source)
    if (chunkList === undefined) return
    if (chunkRootOf(chunkList) !== this.#options.content.chunkRoot)
      throw this.#mismatch(source, 'the chunk list')
    this.#beginning ??= this.#begin(chunkList)
    await this.#beginning
  }

  /** The list of a source that may still wait for it itself; undefined when another was faster. */
  async #chunkListOnceThere(source: ChunkSource): Promise<Buffer | undefined> {
    while (this.#chunkList === undefined)
      try {
        return await source.chunkList()
      } catch (error) {
        if (!isExcuse(error)) throw error
        const later = this.#clock.sleep(deadlines.partialSourceMs)
        await Promise.race([this.#chunkListKnown.promise, later])
      }
    return undefined
  }

  /** Nothing is read before the file is ready for it. */
  async #begin(chunkList: Buffer): Promise<void> {
    try {
      await this.#options.file.begin(chunkList)
    } catch (error) {
      this.abandon(error as Error)
    }
    this.#chunkList = chunkList
    this.#chunkListKnown.resolve()
  }

  /** Asks for one more chunk; false when there is none to ask for at the moment, or no room for it. */
  #startRead(lane: Lane, chunkList: Buffer): boolean {
    const { size } = this.#options.content
    if (!this.#picker.hasRoom(lane) || this.#buffersInUse >= chunksAtOnceFor(size)) return false
    const wanted = this.#chunkFor(lane)
    if (wanted === undefined) return false
    const { chunk } = wanted
    const { bytes } = chunkRange(size, chunk)
    const atMs = this.#clock.monotonicMs()
    const isOpen = wanted.or.length > 0
    const ask: Ask = { chunk, isOpen, bytes, atMs, stop: new AbortController(), hasBegun: false }
    if (!isOpen) this.#taken.add(chunk)
    lane.asks.add(ask)
    const buffer = this.#buffers.take(Math.min(size, chunkBytesFor(size)))
    this.#buffersInUse += 1
    const read = this.#read(lane, { ask, or: wanted.or, buffer, chunkList }).then(() => {
      lane.reads.delete(read)
      this.look()
    })
    lane.reads.add(read)
    return true
  }

  /** Memory that a chunk was read into is not needed any more. */
  #giveBack(buffer: Buffer): void {
    this.#buffersInUse -= 1
    this.#buffers.giveBack(buffer)
    this.look()
  }

  /** What to ask of `lane` now; it counts as asked for nobody else. */
  #chunkFor(lane: Lane): WantedChunk | undefined {
    const inLine = this.#picker.inLineElsewhere(lane, this.#lanes)
    if (inLine === undefined) {
      const free = this.#picker.free(lane, this.#lanes)
      if (free !== undefined) return free
      const chunk = this.#picker.again(lane, this.#lanes)
      return chunk === undefined ? undefined : { chunk, or: [] }
    }
    inLine.lane.asks.delete(inLine.ask)
    inLine.ask.stop.abort(superseded)
    return { chunk: inLine.ask.chunk, or: [] }
  }

  /** The bytes of a chunk begin to come, which the source may have chosen. */
  #onBegin(lane: Lane, own: Ask, chunk: number): void {
    own.hasBegun = true
    if (!own.isOpen) return
    const isSentTwice = closedOf(lane.asks).some((ask) => ask.chunk === chunk && ask.hasBegun)
    if (isSentTwice || this.#isHere(chunk)) onRepeated(lane, chunk)
    // It may have been asked of others meanwhile, or even have come.
    for (const { asks } of this.#lanes)
      for (const ask of closedOf(asks))
        if (ask.chunk === chunk && !ask.hasBegun) {
          asks.delete(ask)
          ask.stop.abort(superseded)
        }
    own.isOpen = false
    own.chunk = chunk
    this.#taken.add(chunk)
    if (this.#isHere(chunk)) {
      // If what is here turns out to be bad, nobody is left who sends it.
      lane.asks.delete(own)
      own.stop.abort(superseded)
    }
    this.look()
  }

  /** A chunk is free again, unless somebody else sends it or has. */
  #release(chunk: number): void {
    if (this.#isHere(chunk)) return
    const asks = [...this.#lanes].flatMap((lane) => closedOf(lane.asks))
    if (asks.every((ask) => ask.chunk !== chunk)) this.#taken.delete(chunk)
  }

  /** Whether somebody sent the chunk, and it was not found to be bad. */
  #isHere(chunk: number): boolean {
    return this.#arrived.has(chunk) || this.#options.file.verified.has(chunk)
  }

  /** Keeps what is known of a source that lacks chunks up to date, until `ended`. Never rejects. */
  async #watchChunksHeld(lane: Lane, ended: AbortSignal): Promise<void> {
    try {
      while (lane.chunksHeld !== undefined && !ended.aborted) {
        const beyond = lane.chunksHeld.size
        lane.chunksHeld = await lane.source.chunksHeld({ beyond, signal: ended })
        this.look()
        const isNews = lane.chunksHeld === undefined || lane.chunksHeld.size > beyond
        if (!isNews) await this.#clock.sleep(deadlines.partialSourceMs, ended)
      }
    } catch (error) {
      if (ended.aborted) return
      lane.failure ??= error as Error
      this.look()
    }
  }

  /**
   * Takes one chunk. Never rejects: who is to blame is noted at the lane or at the transfer.
   */
  async #read(lane: Lane, { ask, or, buffer, chunkList }: Read): Promise<void> {
    const { stop } = ask
    const bytes = buffer.subarray(0, ask.bytes)
    try {
      await lane.source.read({ chunk: ask.chunk, or }, bytes, stop.signal, (chunk) =>
        this.#onBegin(lane, ask, chunk),
      )
    } catch (error) {
      lane.asks.delete(ask)
      if (!stop.signal.aborted)
        this.#onFailedRead(lane, ask.isOpen ? undefined : ask.chunk, error as Error)
      return this.#giveBack(buffer)
    }
    lane.excusedSinceMs = undefined
    lane.asks.delete(ask)
    const hash = chunkHashAt(chunkList, ask.chunk)
    if (stop.signal.aborted) this.#giveBack(buffer)
    else await this.#keep(lane, ask.chunk, { buffer, bytes, hash })
  }

  /**
   * A chunk did not come, or is bad: it is free again, unless somebody else sends it or has. A source
   * that is only busy, or lacks the chunk, is asked again later.
   */
  #onFailedRead(lane: Lane, chunk: number | undefined, error: Error): void {
    const nowMs = this.#clock.monotonicMs()
    lane.excusedSinceMs ??= nowMs
    lane.restsUntilMs = nowMs + deadlines.sourceBusyMs
    if (!isExcuse(error) || nowMs - lane.excusedSinceMs >= deadlines.sourceBusyMaxMs)
      lane.failure ??= error
    if (chunk !== undefined) this.#release(chunk)
  }

  /** Has a chunk checked and kept; whoever else still sends a good one is not waited for. */
  async #keep(
    lane: Lane,
    chunk: number,
    { buffer, bytes, hash }: { buffer: Buffer; bytes: Buffer; hash: Uint8Array },
  ): Promise<void> {
    const { file, onProgress } = this.#options
    this.#arrived.add(chunk)
    try {
      const { isGood, released } = await file.put(chunk, bytes, hash)
      this.#arrived.delete(chunk)
      if (isGood) {
        this.#onKept(chunk)
        lane.given += 1
        this.#contributors.add(lane.source.label)
        onProgress()
        if (this.isComplete) this.#ended.resolve(undefined)
      } else this.#onFailedRead(lane, chunk, this.#mismatch(lane.source, `chunk ${chunk}`))
      const giveBack = (): void => this.#giveBack(buffer)
      if (released === undefined) giveBack()
      else released.then(giveBack, giveBack)
    } catch (error) {
      this.abandon(error as Error)
    }
  }

  #onKept(chunk: number): void {
    for (const { asks } of this.#lanes)
      for (const ask of closedOf(asks)) if (ask.chunk === chunk) ask.stop.abort(superseded)
  }

  #mismatch(source: ChunkSource, part: string): AppError {
    const what = `${part} of '${this.#options.name}'`
    return new AppError('HASH_MISMATCH', { source: source.label, what })
  }
}

/** The reason for which a chunk is not waited for any more: it came from elsewhere, or all is done. */
const superseded = new AppError('CANCELLED', { what: 'A read' })
