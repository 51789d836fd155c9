import assert from 'node:assert/strict'
import type { ChunkSet } from '../../../common/content/chunk-set.ts'

/**
 * `open`: the source chooses among the chunks that were offered. `queued`: one chunk was requested and
 * none of its bytes has arrived. `receiving`: some have. `arrived`: all have, and are being checked and
 * stored. `ended`: verified, rejected or withdrawn.
 */
export type RequestState = 'open' | 'queued' | 'receiving' | 'arrived' | 'ended'

/** One chunk requested from one source. */
export interface ChunkRequest<Source> {
  readonly source: Source
  /** Of an open request, the first of the chunks offered. */
  readonly chunk: number
  readonly bytes: number
  /** When it was requested, in `monotonicMs`. */
  readonly atMs: number
  readonly state: RequestState
}

type MutableRequest<Source> = {
  -readonly [Key in keyof ChunkRequest<Source>]: ChunkRequest<Source>[Key]
}

/** What the first byte of a reply changed. */
export interface Begun<Source> {
  /** Whether an open request was answered with a chunk that this peer has, or that its source sends already. */
  readonly isRepeat: boolean
  /** Requests withdrawn because of it, which may include the one that has begun. */
  readonly withdrawn: readonly ChunkRequest<Source>[]
}

/**
 * The state of every chunk of one transfer. It does no I/O and waits for nothing.
 *
 *   missing ─request─> queued ─begin─> receiving ─arrive─> arrived ─verify─> verified
 *      ^ └───────────> open ────begin───────^                 │
 *      └──────────────── withdraw ──────────┴───── reject ────┘
 *
 * Requests are indexed by source, while they are unanswered, and by chunk, from the moment they name one
 * (all but open ones) until they end. A chunk that is missing can also be reserved: this peer has it in
 * another file, and copies it.
 *
 *   missing ─reserve─> reserved ─fill─> verified
 *      ^───────release────┘
 *
 * Invariant: a chunk is taken if and only if it is verified, reserved, or at least one request names it.
 * A verified chunk stays verified and has no unanswered request; a reserved one has no request at all.
 */
export class ChunkBoard<Source extends object> {
  readonly #verified: ChunkSet
  readonly #taken: ChunkSet
  readonly #reserved = new Set<number>()
  /** Unanswered requests, the oldest first. */
  readonly #bySource = new Map<Source, Set<MutableRequest<Source>>>()
  readonly #byChunk = new Map<number, Set<MutableRequest<Source>>>()

  /** @param verified the chunks that are stored already; copied */
  constructor(verified: ChunkSet) {
    this.#verified = verified.copy()
    this.#taken = verified.copy()
  }

  /** Chunks that need no request: verified and reserved ones, and those that a request names. */
  get taken(): Pick<ChunkSet, 'chunkCount' | 'size' | 'has' | 'firstMissing'> {
    return this.#taken
  }

  get isComplete(): boolean {
    return this.#verified.isFull
  }

  /** The number of chunks that are neither verified nor reserved. */
  get missingCount(): number {
    return this.#verified.chunkCount - this.#verified.size - this.#reserved.size
  }

  /** Whether no source owes a chunk. */
  get isIdle(): boolean {
    return [...this.#bySource.values()].every(({ size }) => size === 0)
  }

  get sources(): readonly Source[] {
    return [...this.#bySource.keys()]
  }

  /** Unanswered requests, the oldest first: open, queued and receiving ones. */
  requestsOf(source: Source): ReadonlySet<ChunkRequest<Source>> {
    return this.#bySource.get(source) ?? new Set()
  }

  /** Requests that name the chunk: queued, receiving and arrived ones. */
  requestsFor(chunk: number): ReadonlySet<ChunkRequest<Source>> {
    return this.#byChunk.get(chunk) ?? new Set()
  }

  /** Whether the chunk is verified, or all of its bytes have arrived and are being checked. */
  isPresent(chunk: number): boolean {
    return this.#verified.has(chunk) || hasArrived(this.requestsFor(chunk))
  }

  /** This peer will copy these missing chunks; called before any source is added. */
  reserve(chunks: Iterable<number>): void {
    assert(this.#bySource.size === 0)
    for (const chunk of chunks) {
      assert(!this.#taken.has(chunk), 'a chunk that is taken is reserved')
      this.#taken.add(chunk)
      this.#reserved.add(chunk)
    }
  }

  /** The chunk could not be copied: it is missing again. */
  release(chunk: number): void {
    assert(this.#reserved.delete(chunk), 'the chunk is not reserved')
    this.#taken.delete(chunk)
  }

  /** The chunk was copied: it has its hash and is stored. */
  fill(chunk: number): void {
    assert(this.#reserved.delete(chunk), 'the chunk is not reserved')
    this.#verified.add(chunk)
  }

  addSource(source: Source): void {
    assert(!this.#bySource.has(source))
    this.#bySource.set(source, new Set())
  }

  /** Withdraws and returns its unanswered requests; chunks that arrived from it are still checked. */
  removeSource(source: Source): ChunkRequest<Source>[] {
    const unanswered = [...this.#unansweredOf(source)]
    for (const request of unanswered) this.#end(request)
    this.#bySource.delete(source)
    return unanswered
  }

  /** Requests a chunk, or, with `isOpen`, one of several that begin with it. */
  request(
    source: Source,
    asked: { chunk: number; bytes: number; atMs: number; isOpen: boolean },
  ): ChunkRequest<Source> {
    const { isOpen, ...rest } = asked
    const request: MutableRequest<Source> = { source, ...rest, state: isOpen ? 'open' : 'queued' }
    assert(!this.isPresent(request.chunk), 'a chunk that is present is requested')
    this.#unansweredOf(source).add(request)
    if (!isOpen) this.#name(request, request.chunk)
    return request
  }

  /**
   * The first bytes of `chunk` arrived. The source of an open request may have chosen a chunk that was
   * requested elsewhere meanwhile: those requests are withdrawn unless they have begun, too.
   */
  begin(begun: ChunkRequest<Source>, chunk: number): Begun<Source> {
    const request = this.#unanswered(begun)
    const wasOpen = request.state === 'open'
    request.state = 'receiving'
    if (!wasOpen) {
      assert(chunk === request.chunk)
      return { isRepeat: false, withdrawn: [] }
    }
    const others = [...this.requestsFor(chunk)]
    const isPresent = this.isPresent(chunk)
    const isSentTwice = others.some(
      ({ source, state }) => source === request.source && state === 'receiving',
    )
    this.#name(request, chunk)
    const withdrawn = others.filter(({ state }) => state === 'queued')
    // If the chunk that is present proves bad, it is missing again: this source is not sending it.
    if (isPresent) withdrawn.push(request)
    for (const each of withdrawn) this.withdraw(each)
    return { isRepeat: isPresent || isSentTwice, withdrawn }
  }

  /** All bytes of the chunk arrived. */
  arrive(arrived: ChunkRequest<Source>): void {
    const request = this.#unanswered(arrived)
    if (request.state === 'open') this.#name(request, request.chunk)
    this.#unansweredOf(request.source).delete(request)
    request.state = 'arrived'
  }

  /** The chunk has its hash and is stored. @returns the other unanswered requests for it, withdrawn */
  verify(arrived: ChunkRequest<Source>): ChunkRequest<Source>[] {
    const request = this.#arrived(arrived)
    this.#verified.add(request.chunk)
    this.#end(request)
    const withdrawn = [...this.requestsFor(request.chunk)].filter(
      ({ state }) => state !== 'arrived',
    )
    for (const each of withdrawn) this.withdraw(each)
    return withdrawn
  }

  /** The chunk does not have its hash: it is missing again, unless another request names it. */
  reject(arrived: ChunkRequest<Source>): void {
    this.#end(this.#arrived(arrived))
  }

  /** The request failed, or its answer is not needed: its chunk is missing again, unless another request names it. */
  withdraw(unanswered: ChunkRequest<Source>): void {
    this.#end(this.#unanswered(unanswered))
  }

  #name(request: MutableRequest<Source>, chunk: number): void {
    assert(!this.#reserved.has(chunk), 'a chunk that is reserved is requested')
    request.chunk = chunk
    const requests = this.#byChunk.get(chunk) ?? new Set()
    this.#byChunk.set(chunk, requests.add(request))
    this.#taken.add(chunk)
  }

  #end(request: MutableRequest<Source>): void {
    this.#bySource.get(request.source)?.delete(request)
    const requests = this.#byChunk.get(request.chunk)
    requests?.delete(request)
    if (requests?.size === 0) this.#byChunk.delete(request.chunk)
    // An open request has taken no chunk; the one it begins with may be taken by another.
    if (requests?.size === 0 && !this.#verified.has(request.chunk))
      this.#taken.delete(request.chunk)
    request.state = 'ended'
  }

  #unansweredOf(source: Source): Set<MutableRequest<Source>> {
    const requests = this.#bySource.get(source)
    assert(requests !== undefined, 'the source was not added')
    return requests
  }

  #unanswered(request: ChunkRequest<Source>): MutableRequest<Source> {
    assert(this.requestsOf(request.source).has(request), 'the request is answered already')
    return request
  }

  #arrived(request: ChunkRequest<Source>): MutableRequest<Source> {
    const isArrived = request.state === 'arrived' && this.requestsFor(request.chunk).has(request)
    assert(isArrived, 'no chunk of this request is being checked')
    return request
  }
}

function hasArrived(requests: Iterable<ChunkRequest<unknown>>): boolean {
  for (const { state } of requests) if (state === 'arrived') return true
  return false
}
