import type { Clock } from '../../../common/clock.ts'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkCountFor, hashBytes } from '../../../common/content/chunks.ts'
import { AppError, reasonOf } from '../../../common/errors.ts'
import { deadlines } from '../../../common/limits.ts'
import { type BulkSink, FixedBufferSink } from '../../../common/protocol/bulk.ts'
import type { Content, Purpose, Source } from '../../../common/protocol/messages.ts'
import { formatAddress } from '../../../common/protocol/transport.ts'
import { parseReply } from '../../../common/protocol/validate.ts'
import type { ChunkSource, ChunksHeld, ChunksHeldUpdate, WantedChunk } from './chunk-source.ts'
import type { ConnectionPool, ConnectionUse, Lease } from './connection-pool.ts'
import type { ConnectionProgress } from './connection-progress.ts'
import { countedSink, type OnReceived } from './counted-sink.ts'
import { PaceMeter } from './pace-meter.ts'
import { StallWatch } from './stall-watch.ts'

interface SourceDependencies {
  readonly pool: Pick<ConnectionPool, 'lease'>
  readonly clock: Clock
  readonly onReceived: OnReceived
}

interface SourceOptions {
  readonly source: Source
  readonly content: Content
  readonly purpose: Purpose
  readonly signal: AbortSignal
}

/** The name of a source in errors and logs. */
export function labelOf(source: Source): string {
  return `${source.peerId} @ ${formatAddress(source)}`
}

/**
 * Another peer as a source. Disposing withdraws open requests, and releases its connections or closes
 * those that owe bytes.
 */
export class PeerSource implements ChunkSource, Disposable {
  readonly label: string
  readonly pace: PaceMeter
  readonly #source: Source
  readonly #content: Content
  readonly #purpose: Purpose
  readonly #signal: AbortSignal
  readonly #dependencies: SourceDependencies
  readonly #ended = new AbortController()
  readonly #stallWatch: StallWatch
  readonly #leases = new Map<ConnectionUse, Promise<Lease>>()
  /** Whether unwanted bytes may still arrive. */
  #owesUnwanted = false

  constructor(
    { source, content, purpose, signal }: SourceOptions,
    dependencies: SourceDependencies,
  ) {
    this.label = labelOf(source)
    this.pace = new PaceMeter(dependencies)
    this.#source = source
    this.#content = content
    this.#purpose = purpose
    this.#signal = AbortSignal.any([signal, this.#ended.signal])
    this.#dependencies = dependencies
    this.#stallWatch = new StallWatch({
      clock: dependencies.clock,
      bytesOwed: () => this.pace.bytesOwed,
      onStall: (deadlineMs) =>
        this.#giveUp(new AppError('DEADLINE_EXCEEDED', { what: 'The next bytes', deadlineMs })),
    })
  }

  async chunkList(): Promise<Buffer> {
    const { sha256, size } = this.#content
    const chunkList = Buffer.allocUnsafeSlow(chunkCountFor(size) * hashBytes)
    await this.#ask(
      { what: 'the chunk list', use: this.#controlUse },
      async ({ connection, progress }) => {
        const into = this.#sinkInto(chunkList, progress)
        const options = { signal: this.#signal, deadlineMs: deadlines.readMs, into }
        const request = { sha256, for: this.#purpose }
        const { bytes } = await connection.request('chunk-list', request, options)
        this.#checkLength('chunk-list', bytes, chunkList.length)
      },
    )
    return chunkList
  }

  async chunksHeld(update?: ChunksHeldUpdate): Promise<ChunksHeld> {
    const { sha256, size } = this.#content
    let chunksHeld: ChunksHeld
    // An update may take long; its chunks are watched meanwhile.
    const isWatched = update === undefined
    const question = { what: 'the list of its chunks', use: this.#controlUse, isWatched }
    await this.#ask(question, async ({ connection }) => {
      const askedMs = this.#dependencies.clock.monotonicMs()
      const { beyond, signal = this.#signal } = update ?? {}
      const reply = await connection.request(
        'chunks',
        { sha256, ...(beyond !== undefined && { beyond }) },
        {
          signal: AbortSignal.any([this.#signal, signal]),
          // Throttled bytes of other replies may precede it on the shared connection.
          deadlineMs: deadlines.readMs,
        },
      )
      if (update === undefined)
        this.pace.onRoundTrip(this.#dependencies.clock.monotonicMs() - askedMs)
      if (reply.bitmap === undefined) return
      chunksHeld = ChunkSet.fromBitmap(chunkCountFor(size), reply.bitmap)
      if (chunksHeld === undefined)
        throw new AppError('BAD_REPLY', {
          address: this.label,
          request: 'chunks',
          reason: `its bitmap is not of ${chunkCountFor(size)} chunks`,
        })
    })
    return chunksHeld
  }

  async read(
    { chunk, or }: WantedChunk,
    into: Buffer,
    signal: AbortSignal,
    onBegin: (chunk: number) => void,
  ): Promise<void> {
    const { sha256, size } = this.#content
    const use = chunkCountFor(size) === 1 ? this.#controlUse : 'bulk'
    const unwanted = AbortSignal.any([this.#signal, signal])
    let bytesLeft = into.length
    let bytesComing = 0
    this.pace.onAsked(bytesLeft)
    try {
      await this.#ask({ what: `chunk ${chunk}`, use }, async ({ connection, progress }) => {
        const sink = this.#sinkInto(into, progress, (count) => {
          bytesLeft -= count
          bytesComing -= count
          this.pace.onBytes(count)
        })
        const begin = (bytes: number, body: unknown): void => {
          bytesComing = bytes
          sink.begin(bytes, body)
          const { chunk: sent = chunk } = parseReply('read', body, this.label)
          if (sent !== chunk && !or.includes(sent)) throw this.#badReply('read', `chunk ${sent}`)
          onBegin(sent)
        }
        const options = { signal: unwanted, deadlineMs: deadlines.readMs, into: { ...sink, begin } }
        const others = or.length > 0 && { or: [...or] }
        const request = { sha256, chunk, ...others, for: this.#purpose }
        const { bytes } = await connection.request('read', request, options)
        this.#checkLength('read', bytes, into.length)
      })
    } catch (error) {
      if (signal.aborted || bytesComing > 0) this.#owesUnwanted = true
      throw error
    } finally {
      this.pace.onGivenUp(bytesLeft)
    }
  }

  get #controlUse(): ConnectionUse {
    return this.#purpose === 'replication' ? 'replication' : 'control'
  }

  /** Ends open requests, and later ones, with `reason`. */
  #giveUp(reason: unknown): void {
    this.#ended.abort(reason)
  }

  [Symbol.dispose](): void {
    this.#stallWatch[Symbol.dispose]()
    const owesBytes = this.#signal.aborted || this.#owesUnwanted
    // Replies that another source was faster with, such as the chunk list, are not awaited.
    this.#giveUp(new AppError('CANCELLED', { what: 'What was asked of a source' }))
    for (const [use, leasing] of this.#leases)
      leasing.then(
        (lease) => (owesBytes && isUseless(lease, use) ? lease.discard() : lease[Symbol.dispose]()),
        () => {},
      )
  }

  /**
   * Runs `request` on a connection for `use`, under the stall watch unless it may take long; its
   * failures are failures of this source.
   */
  async #ask(
    { what, use, isWatched = true }: { what: string; use: ConnectionUse; isWatched?: boolean },
    request: (lease: Lease) => Promise<void>,
  ): Promise<void> {
    try {
      this.#signal.throwIfAborted()
      const lease = await this.#openLease(use)
      if (isWatched) this.#stallWatch.onAsked(lease.progress)
      try {
        await request(lease)
      } finally {
        if (isWatched) this.#stallWatch.onAnswered(lease.progress)
      }
    } catch (error) {
      if (this.#signal.aborted && !this.#ended.signal.aborted) throw this.#signal.reason
      const details = { source: this.label, what, reason: reasonOf(error) }
      throw new AppError('SOURCE_FAILED', details, { cause: error })
    }
  }

  /** Replaces a connection that ended while it was idle. */
  async #openLease(use: ConnectionUse): Promise<Lease> {
    const leasing = this.#lease(use)
    const lease = await leasing
    if (lease.connection.isOpen) return lease
    if (this.#leases.get(use) === leasing) this.#leases.delete(use)
    lease[Symbol.dispose]()
    return await this.#lease(use)
  }

  #lease(use: ConnectionUse): Promise<Lease> {
    const lease =
      this.#leases.get(use) ?? this.#dependencies.pool.lease(this.#source, use, this.#signal)
    this.#leases.set(use, lease)
    return lease
  }

  #sinkInto(
    buffer: Buffer,
    progress: ConnectionProgress,
    onBytes?: (count: number) => void,
  ): BulkSink {
    const { onReceived } = this.#dependencies
    const counting = { purpose: this.#purpose, progress, onReceived, onBytes }
    return countedSink(new FixedBufferSink(buffer), counting)
  }

  #checkLength(type: string, bytes: number, expected: number): void {
    if (bytes !== expected) throw this.#badReply(type, `${bytes} bytes instead of ${expected}`)
  }

  #badReply(type: string, reason: string): AppError {
    return new AppError('BAD_REPLY', { address: this.label, request: type, reason })
  }
}

/** Whether a failed connection is useless: it owes bytes to this fetch alone, or has fallen silent for all. */
function isUseless({ connection }: Lease, use: ConnectionUse): boolean {
  return use === 'bulk' || connection.silentMs >= deadlines.bulkStallMs
}
