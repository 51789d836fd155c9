import type { Cancel, Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { Purpose } from '../../common/protocol/messages.ts'
import { assuredRate, type GateRates, nextGrant, partBytesAt, replicationRate } from './grant.ts'
import { debtMs, emptyBucket, refilled, type TokenBucket, withdrawn } from './token-bucket.ts'

interface Waiter extends PromiseWithResolvers<void> {
  readonly bytes: number
}

/** Period over which the rate of downloads is measured. */
const speedMs = 1_000

/**
 * Counts and throttles all content bytes of one direction. Throttled callers wait in a queue for each
 * purpose, first in, first out: connections that pass one part at a time share the rate equally. User
 * downloads come first; replication gets the rest and a guaranteed minimum (see grant.ts).
 */
export class TrafficGate implements Disposable {
  readonly #clock: Clock
  #rates: GateRates
  #all: TokenBucket
  #replication: TokenBucket
  #assured: TokenBucket
  readonly #queues = { download: new Set<Waiter>(), replication: new Set<Waiter>() }
  readonly #passed = { download: 0, replication: 0 }
  /** Bytes of downloads, exponentially decayed over `speedMs`. */
  #downloadBytes = 0
  #downloadAtMs = Number.NEGATIVE_INFINITY
  #cancelTimer: Cancel = () => {}
  #isDisposed = false

  constructor(rates: GateRates, dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
    this.#rates = rates
    const empty = emptyBucket(this.#clock.monotonicMs())
    this.#all = empty
    this.#replication = empty
    this.#assured = empty
  }

  /** Bytes passed since the start. */
  get passedBytes(): Readonly<Record<Purpose, number>> {
    return this.#passed
  }

  /** Changes the rates immediately, also for queued callers. */
  setRates(rates: GateRates): void {
    if (rates.all === this.#rates.all && rates.replication === this.#rates.replication) return
    const empty = emptyBucket(this.#clock.monotonicMs())
    if (rates.all !== this.#rates.all) this.#all = this.#assured = empty
    if (rates.replication !== this.#rates.replication) this.#replication = empty
    this.#rates = rates
    this.#serve()
  }

  /** Bytes to pass per call, so that others are served in between; infinite without a limit. */
  partBytes(purpose: Purpose): number {
    return partBytesAt(this.#rateFor(purpose, this.#clock.monotonicMs()))
  }

  /**
   * Passes bytes: immediately, without a promise, if no limit applies; otherwise once they are granted.
   * @throws AppError STOPPING, or the signal's reason
   */
  pass(bytes: number, purpose: Purpose, signal?: AbortSignal): Promise<void> | undefined {
    const nowMs = this.#clock.monotonicMs()
    if (this.#rateFor(purpose, nowMs) !== Number.POSITIVE_INFINITY)
      return this.#wait(bytes, purpose, signal)
    this.#count(bytes, purpose, nowMs)
    return undefined
  }

  /** Queued callers, now and later, fail. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#cancelTimer()
    for (const queue of Object.values(this.#queues)) {
      for (const waiter of queue) waiter.reject(new AppError('STOPPING'))
      queue.clear()
    }
  }

  #rateFor(purpose: Purpose, nowMs: number): number {
    const { all } = this.#rates
    return purpose === 'download' ? all : Math.min(all, this.#replicationRate(nowMs))
  }

  #replicationRate(nowMs: number): number {
    const silentMs = nowMs - this.#downloadAtMs
    const bytesPerSecond = (this.#downloadBytes * Math.exp(-silentMs / speedMs) * 1000) / speedMs
    return replicationRate(this.#rates, { bytesPerSecond, silentMs })
  }

  #count(bytes: number, purpose: Purpose, nowMs: number): void {
    this.#passed[purpose] += bytes
    if (purpose !== 'download') return
    const age = Math.exp((this.#downloadAtMs - nowMs) / speedMs)
    this.#downloadBytes = this.#downloadBytes * age + bytes
    this.#downloadAtMs = nowMs
  }

  async #wait(bytes: number, purpose: Purpose, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#isDisposed) throw new AppError('STOPPING')
    const queue = this.#queues[purpose]
    const waiter: Waiter = { bytes, ...Promise.withResolvers<void>() }
    const leave = (): void => {
      queue.delete(waiter)
      waiter.reject(signal?.reason)
    }
    signal?.addEventListener('abort', leave, { once: true })
    queue.add(waiter)
    this.#serve()
    await waiter.promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  /** Grants until the queues are empty or the buckets are in debt. */
  readonly #serve = (): void => {
    this.#cancelTimer()
    this.#cancelTimer = () => {}
    const { download, replication } = this.#queues
    while (download.size + replication.size > 0) {
      const nowMs = this.#clock.monotonicMs()
      const grant = this.#nextGrant(nowMs)
      if (typeof grant === 'number') {
        this.#cancelTimer = this.#clock.after(grant, this.#serve)
        return
      }
      this.#letPass(grant, nowMs)
    }
  }

  #nextGrant(nowMs: number): Purpose | number {
    const rate = this.#replicationRate(nowMs)
    const assured = assuredRate(this.#rates)
    this.#all = refilled(this.#all, this.#rates.all, nowMs)
    this.#replication = refilled(this.#replication, rate, nowMs)
    this.#assured = refilled(this.#assured, assured, nowMs)
    const queued = {
      download: this.#queues.download.size > 0,
      replication: this.#queues.replication.size > 0,
    }
    return nextGrant(queued, {
      all: debtMs(this.#all, this.#rates.all),
      replication: debtMs(this.#replication, rate),
      assured: debtMs(this.#assured, assured),
    })
  }

  #letPass(purpose: Purpose, nowMs: number): void {
    const [waiter] = this.#queues[purpose]
    if (waiter === undefined) return
    this.#queues[purpose].delete(waiter)
    this.#all = withdrawn(this.#all, waiter.bytes)
    if (purpose === 'replication') {
      this.#replication = withdrawn(this.#replication, waiter.bytes)
      // Only bytes that compete with downloads count against the guaranteed rate.
      if (this.#queues.download.size > 0) this.#assured = withdrawn(this.#assured, waiter.bytes)
    }
    this.#count(waiter.bytes, purpose, nowMs)
    waiter.resolve()
  }
}
