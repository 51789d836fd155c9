import type { Clock } from '../../common/clock.ts'
import { chunkCountFor, hashBytes } from '../../common/content/chunks.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import { type BulkSink, FixedBufferSink } from '../../common/protocol/bulk.ts'
import type { Content, Source } from '../../common/protocol/messages.ts'
import { formatAddress } from '../../common/protocol/transport.ts'
import type { ConnectionPool, ConnectionUse, Lease } from './connection-pool.ts'
import { StallWatch } from './stall-watch.ts'

/** Somebody who gives chunks of one content to one fetch, until one of them has enough of it. */
export interface ChunkSource {
  /** Who it is, for errors. */
  readonly label: string
  /**
   * The content's chunk list as this source states it, not verified.
   * @throws AppError SOURCE_FAILED, or the signal's reason
   */
  chunkList(): Promise<Buffer>
  /**
   * Fills `into`, which is as long as the chunk, with the chunk as this source has it, not verified.
   * @throws AppError SOURCE_FAILED, or the signal's reason
   */
  read(chunk: number, into: Buffer): Promise<void>
  /** Ends what is under way, and whatever is asked later, with `reason`. */
  giveUp(reason: unknown): void
}

interface SourceDependencies {
  readonly pool: Pick<ConnectionPool, 'lease'>
  readonly clock: Clock
  onReceived(bytes: number): void
}

/** A source as errors and logs name it. */
export function labelOf(source: Source): string {
  return `${source.peerId} @ ${formatAddress(source)}`
}

/** Another peer as a source. Disposing gives its connections back, or closes those that owe bytes. */
export class PeerSource implements ChunkSource, Disposable {
  readonly label: string
  readonly #source: Source
  readonly #content: Content
  readonly #signal: AbortSignal
  readonly #dependencies: SourceDependencies
  readonly #ended = new AbortController()
  readonly #stallWatch: StallWatch
  readonly #leases = new Map<ConnectionUse, Promise<Lease>>()

  constructor(
    { source, content, signal }: { source: Source; content: Content; signal: AbortSignal },
    dependencies: SourceDependencies,
  ) {
    this.label = labelOf(source)
    this.#source = source
    this.#content = content
    this.#signal = AbortSignal.any([signal, this.#ended.signal])
    this.#dependencies = dependencies
    const deadlineMs = deadlines.bulkStallMs
    this.#stallWatch = new StallWatch({
      clock: dependencies.clock,
      onStall: () =>
        this.giveUp(new AppError('DEADLINE_EXCEEDED', { what: 'The next bytes', deadlineMs })),
    })
  }

  async chunkList(): Promise<Buffer> {
    const { sha256, size } = this.#content
    const chunkList = Buffer.allocUnsafeSlow(chunkCountFor(size) * hashBytes)
    await this.#ask('the chunk list', 'control', async ({ connection }) => {
      const options = { ...this.#options(), into: this.#sinkInto(chunkList) }
      const { bytes } = await connection.request('chunk-list', { sha256 }, options)
      this.#checkLength('chunk-list', bytes, chunkList.length)
    })
    return chunkList
  }

  async read(chunk: number, into: Buffer): Promise<void> {
    const { sha256, size } = this.#content
    const use = chunkCountFor(size) === 1 ? 'control' : 'bulk'
    await this.#ask(`chunk ${chunk}`, use, async ({ connection }) => {
      const options = { ...this.#options(), into: this.#sinkInto(into) }
      const { bytes } = await connection.request('read', { sha256, chunk, count: 1 }, options)
      this.#checkLength('read', bytes, into.length)
    })
  }

  giveUp(reason: unknown): void {
    this.#ended.abort(reason)
  }

  [Symbol.dispose](): void {
    this.#stallWatch[Symbol.dispose]()
    const isFailed = this.#signal.aborted
    for (const [use, leasing] of this.#leases)
      leasing.then(
        (lease) => (isFailed && isUseless(lease, use) ? lease.discard() : lease[Symbol.dispose]()),
        () => {},
      )
  }

  /** Runs `request` on a connection for `use`, under the stall watch; what fails is this source's failure. */
  async #ask(
    what: string,
    use: ConnectionUse,
    request: (lease: Lease) => Promise<void>,
  ): Promise<void> {
    try {
      this.#signal.throwIfAborted()
      const lease = await this.#lease(use)
      this.#stallWatch.onAsked()
      try {
        await request(lease)
      } finally {
        this.#stallWatch.onAnswered()
      }
    } catch (error) {
      if (this.#signal.aborted && !this.#ended.signal.aborted) throw this.#signal.reason
      const details = { source: this.label, what, reason: reasonOf(error) }
      throw new AppError('SOURCE_FAILED', details, { cause: error })
    }
  }

  #lease(use: ConnectionUse): Promise<Lease> {
    const lease =
      this.#leases.get(use) ?? this.#dependencies.pool.lease(this.#source, use, this.#signal)
    this.#leases.set(use, lease)
    return lease
  }

  #options(): { signal: AbortSignal; deadlineMs: number } {
    return { signal: this.#signal, deadlineMs: deadlines.readMs }
  }

  #sinkInto(buffer: Buffer): BulkSink {
    const sink = new FixedBufferSink(buffer)
    return {
      begin: (bytes) => sink.begin(bytes),
      write: (piece) => {
        sink.write(piece)
        this.#stallWatch.onBytes(piece.length)
        this.#dependencies.onReceived(piece.length)
      },
    }
  }

  #checkLength(type: string, bytes: number, expected: number): void {
    if (bytes === expected) return
    const reason = `${bytes} bytes instead of ${expected}`
    throw new AppError('BAD_REPLY', { address: this.label, type, reason })
  }
}

/** After a failure: a connection that owes bytes to nobody else, or one that has fallen silent for all. */
function isUseless({ connection }: Lease, use: ConnectionUse): boolean {
  return use === 'bulk' || connection.silentMs >= deadlines.bulkStallMs
}
