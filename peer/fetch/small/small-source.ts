import type { Clock } from '../../../common/clock.ts'
import { sha256 as hashOf } from '../../../common/content/hash.ts'
import { AppError, errorFromWire, reasonOf } from '../../../common/errors.ts'
import { deadlines } from '../../../common/limits.ts'
import { FixedBufferSink } from '../../../common/protocol/bulk.ts'
import type { Content, Purpose, ReadOutcome, Source } from '../../../common/protocol/messages.ts'
import type { ConnectionPool, Lease } from '../source/connection-pool.ts'
import { countedSink, type OnReceived } from '../source/counted-sink.ts'
import { labelOf } from '../source/peer-source.ts'
import { StallWatch } from '../source/stall-watch.ts'

export interface SmallSourceDependencies {
  readonly pool: Pick<ConnectionPool, 'lease'>
  readonly clock: Clock
  readonly onReceived: OnReceived
}

/** Another peer as a source of many small contents, over one connection. Disposing releases it. */
export class SmallSource implements Disposable {
  readonly #label: string
  readonly #source: Source
  readonly #purpose: Purpose
  readonly #onBytes: ((count: number) => void) | undefined
  readonly #signal: AbortSignal
  readonly #dependencies: SmallSourceDependencies
  readonly #ended = new AbortController()
  readonly #stallWatch: StallWatch
  #lease: Promise<Lease> | undefined
  #bytesOwed = 0
  /** Whether unwanted bytes may still arrive. */
  #hasFailed = false

  constructor(
    {
      source,
      purpose,
      signal,
      onBytes,
    }: {
      source: Source
      purpose: Purpose
      signal: AbortSignal
      onBytes?: ((count: number) => void) | undefined
    },
    dependencies: SmallSourceDependencies,
  ) {
    this.#label = labelOf(source)
    this.#source = source
    this.#purpose = purpose
    this.#onBytes = onBytes
    this.#signal = AbortSignal.any([signal, this.#ended.signal])
    this.#dependencies = dependencies
    this.#stallWatch = new StallWatch({
      clock: dependencies.clock,
      bytesOwed: () => this.#bytesOwed,
      onStall: (deadlineMs) =>
        this.#ended.abort(
          new AppError('DEADLINE_EXCEEDED', { what: 'The next bytes', deadlineMs }),
        ),
    })
  }

  /**
   * The verified bytes of each content, or why it has none: HASH_MISMATCH when the bytes are others.
   * For no more contents than one read takes.
   * @throws AppError SOURCE_FAILED when this source sends nothing, or the signal's reason
   */
  async read(contents: readonly Content[]): Promise<(Uint8Array | AppError)[]> {
    try {
      this.#signal.throwIfAborted()
      const { outcomes, bytes } = await this.#ask(contents)
      let start = 0
      return await Promise.all(
        outcomes.map(async (outcome, index) => {
          if ('error' in outcome) return this.#refusal(outcome)
          const piece = bytes.subarray(start, start + outcome.size)
          start += outcome.size
          const { sha256, size } = contents[index] ?? {}
          if ((await hashOf(piece)).toString('hex') !== sha256) return this.#mismatch()
          // The bytes are right: then the claim about the content is not.
          const reason = `a small file of ${piece.length} bytes instead of ${size}`
          return piece.length === size ? piece : this.#badReply(reason)
        }),
      )
    } catch (error) {
      this.#hasFailed = true
      if (this.#signal.aborted && !this.#ended.signal.aborted) throw this.#signal.reason
      const details = { source: this.#label, what: 'small files', reason: reasonOf(error) }
      throw new AppError('SOURCE_FAILED', details, { cause: error })
    }
  }

  [Symbol.dispose](): void {
    this.#stallWatch[Symbol.dispose]()
    this.#lease?.then(
      (lease) => (this.#hasFailed ? lease.discard() : lease[Symbol.dispose]()),
      () => {},
    )
  }

  async #ask(
    contents: readonly Content[],
  ): Promise<{ outcomes: ReadOutcome[]; bytes: Buffer<ArrayBuffer> }> {
    const { connection, progress } = await this.#openLease()
    const bytes = Buffer.allocUnsafeSlow(contents.reduce((sum, { size }) => sum + size, 0))
    const sink = new FixedBufferSink(bytes)
    const request = { sha256s: contents.map(({ sha256 }) => sha256), for: this.#purpose }
    let bytesLeft = bytes.length
    const into = countedSink(sink, {
      purpose: this.#purpose,
      progress,
      onReceived: this.#dependencies.onReceived,
      onBytes: (count) => {
        bytesLeft -= count
        this.#bytesOwed -= count
        this.#onBytes?.(count)
      },
    })
    const options = { signal: this.#signal, deadlineMs: deadlines.readMs, into }
    this.#bytesOwed += bytesLeft
    this.#stallWatch.onAsked(progress)
    try {
      const reply = await connection.request('read-many', request, options)
      const promised = reply.contents.map((one) => ('size' in one ? one.size : 0))
      const sum = promised.reduce((all, size) => all + size, 0)
      if (promised.length === contents.length && sum === reply.bytes)
        return { outcomes: reply.contents, bytes }
      throw this.#badReply(`${reply.bytes} bytes for ${promised.length} contents of ${sum}`)
    } finally {
      this.#bytesOwed -= bytesLeft
      this.#stallWatch.onAnswered(progress)
    }
  }

  /** One connection for all reads; replaced if it ended while idle. */
  async #openLease(): Promise<Lease> {
    const leasing = this.#leased()
    const lease = await leasing
    if (lease.connection.isOpen) return lease
    if (this.#lease === leasing) this.#lease = undefined
    lease[Symbol.dispose]()
    return await this.#leased()
  }

  #leased(): Promise<Lease> {
    this.#lease ??= this.#dependencies.pool.lease(this.#source, 'bulk', this.#signal)
    return this.#lease
  }

  #refusal({ error: code, reason = code }: Extract<ReadOutcome, { error: string }>): AppError {
    const what = 'a small file'
    const details = { action: 'read', path: what, name: what, sha256: what, reason }
    return errorFromWire({ code, retryable: true, details })
  }

  #badReply(reason: string): AppError {
    return new AppError('BAD_REPLY', { address: this.#label, request: 'read-many', reason })
  }

  #mismatch(): AppError {
    return new AppError('HASH_MISMATCH', { source: this.#label, what: 'a small file' })
  }
}
