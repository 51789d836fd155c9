import type { Cancel, Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { Purpose } from '../../common/protocol/messages.ts'
import { debtMs, emptyBucket, refilled, type TokenBucket, withdrawn } from './token-bucket.ts'
import { assuredRate, type GateRates, nextTurn, partBytesAt, replicationRate } from './turn.ts'

interface Waiter extends PromiseWithResolvers<void> {
  readonly bytes: number
}

/** Over which time people's speed is measured. */
const speedMs = 1_000

/**
 * What all bytes of one direction pass, and are counted by. Who is held back waits in line with those
 * of its purpose, first come, first served: connections that each let a part pass at a time share the
 * rate equally. People go first; what is left is replication's, and a little more (see turn.ts).
 */
export class TrafficGate implements Disposable {
  readonly #clock: Clock
  #rates: GateRates
  #all: TokenBucket
  #replication: TokenBucket
  #assured: TokenBucket
  readonly #lines = { download: new Set<Waiter>(), replication: new Set<Waiter>() }
  readonly #passed = { download: 0, replication: 0 }
  /** What people took, the older the less of it; over a second: their speed. */
  #peopleBytes = 0
  #peopleAtMs = Number.NEGATIVE_INFINITY
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

  /** Bytes that passed since the start. */
  get passedBytes(): Readonly<Record<Purpose, number>> {
    return this.#passed
  }

  /** Lets other rates hold from now on, also for those who wait. */
  setRates(rates: GateRates): void {
    if (rates.all === this.#rates.all && rates.replication === this.#rates.replication) return
    const empty = emptyBucket(this.#clock.monotonicMs())
    if (rates.all !== this.#rates.all) this.#all = this.#assured = empty
    if (rates.replication !== this.#rates.replication) this.#replication = empty
    this.#rates = rates
    this.#serve()
  }

  /** How many bytes to let pass at a time, so that others have their turn; infinite when nothing limits. */
  partBytes(purpose: Purpose): number {
    return partBytesAt(this.#rateFor(purpose, this.#clock.monotonicMs()))
  }

  /**
   * Lets bytes pass: at once, without a promise, when nothing limits them; else when it is their turn.
   * @throws AppError STOPPING, or the signal's reason
   */
  pass(bytes: number, purpose: Purpose, signal?: AbortSignal): Promise<void> | undefined {
    const nowMs = this.#clock.monotonicMs()
    if (this.#rateFor(purpose, nowMs) !== Number.POSITIVE_INFINITY)
      return this.#wait(bytes, purpose, signal)
    this.#count(bytes, purpose, nowMs)
    return undefined
  }

  /** Whoever has to wait, now or later, fails. */
  [Symbol.dispose](): void {
    this.#isDisposed = true
    this.#cancelTimer()
    for (const line of Object.values(this.#lines)) {
      for (const waiter of line) waiter.reject(new AppError('STOPPING'))
      line.clear()
    }
  }

  #rateFor(purpose: Purpose, nowMs: number): number {
    const { all } = this.#rates
    return purpose === 'download' ? all : Math.min(all, this.#replicationRate(nowMs))
  }

  #replicationRate(nowMs: number): number {
    const silentMs = nowMs - this.#peopleAtMs
    const bytesPerSecond = (this.#peopleBytes * Math.exp(-silentMs / speedMs) * 1000) / speedMs
    return replicationRate(this.#rates, { bytesPerSecond, silentMs })
  }

  #count(bytes: number, purpose: Purpose, nowMs: number): void {
    this.#passed[purpose] += bytes
    if (purpose !== 'download') return
    const age = Math.exp((this.#peopleAtMs - nowMs) / speedMs)
    this.#peopleBytes = this.#peopleBytes * age + bytes
    this.#peopleAtMs = nowMs
  }

  async #wait(bytes: number, purpose: Purpose, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#isDisposed) throw new AppError('STOPPING')
    const line = this.#lines[purpose]
    const waiter: Waiter = { bytes, ...Promise.withResolvers<void>() }
    const leave = (): void => {
      line.delete(waiter)
      waiter.reject(signal?.reason)
    }
    signal?.addEventListener('abort', leave, { once: true })
    line.add(waiter)
    this.#serve()
    await waiter.promise.finally(() => signal?.removeEventListener('abort', leave))
  }

  /** Gives turns until nobody waits, or all have to. */
  readonly #serve = (): void => {
    this.#cancelTimer()
    this.#cancelTimer = () => {}
    const { download, replication } = this.#lines
    while (download.size + replication.size > 0) {
      const nowMs = this.#clock.monotonicMs()
      const turn = this.#nextTurn(nowMs)
      if (typeof turn === 'number') {
        this.#cancelTimer = this.#clock.after(turn, this.#serve)
        return
      }
      this.#letPass(turn, nowMs)
    }
  }

  #nextTurn(nowMs: number): Purpose | number {
    const rate = this.#replicationRate(nowMs)
    const assured = assuredRate(this.#rates)
    this.#all = refilled(this.#all, this.#rates.all, nowMs)
    this.#replication = refilled(this.#replication, rate, nowMs)
    this.#assured = refilled(this.#assured, assured, nowMs)
    const inLine = {
      download: this.#lines.download.size > 0,
      replication: this.#lines.replication.size > 0,
    }
    return nextTurn(inLine, {
      all: debtMs(this.#all, this.#rates.all),
      replication: debtMs(this.#replication, rate),
      assured: debtMs(this.#assured, assured),
    })
  }

  #letPass(purpose: Purpose, nowMs: number): void {
    const [waiter] = this.#lines[purpose]
    if (waiter === undefined) return
    this.#lines[purpose].delete(waiter)
    this.#all = withdrawn(this.#all, waiter.bytes)
    if (purpose === 'replication') {
      this.#replication = withdrawn(this.#replication, waiter.bytes)
      // What people left costs nothing of what replication is sure of.
      if (this.#lines.download.size > 0) this.#assured = withdrawn(this.#assured, waiter.bytes)
    }
    this.#count(waiter.bytes, purpose, nowMs)
    waiter.resolve()
  }
}
