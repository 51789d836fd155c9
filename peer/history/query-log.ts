import type { Cancel, Clock } from '../../common/clock.ts'
import type { Caller, QueryKind } from '../../common/protocol/history-messages.ts'
import type { NewQuery } from './history-store.ts'

/** Queries recorded one by one between two flushes; further ones are only counted. */
const recordedPerFlush = 10
/** Interval of passing queries on, while there are some: pages show them within a second. */
const flushEveryMs = 500
/** Buckets of durations: eight per power of two, from a microsecond to over an hour. */
const bucketsPerOctave = 8
const buckets = 32 * bucketsPerOctave

/** The facts of a query that was answered. */
export interface AnsweredQuery {
  readonly kind: QueryKind
  readonly what: string
  readonly by: Caller
  readonly durationMs: number
}

type Answer = Pick<NewQuery, 'found' | 'sha256' | 'addresses' | 'error' | 'queryId' | 'origin'>

interface Counted {
  readonly kind: QueryKind
  readonly by: Caller
  count: number
  durationMs: number
}

/**
 * Records the queries made at a peer. Beyond 20 per second they are counted: that costs a few
 * array and map accesses, so that 10,000 lookups per second cost almost nothing.
 */
export class QueryLog implements Disposable {
  readonly #clock: Clock
  readonly #onRows: (rows: readonly NewQuery[]) => void
  readonly #durations = new Uint32Array(buckets)
  #lookups = 0
  #recorded: NewQuery[] = []
  readonly #counted = new Map<string, Counted>()
  #cancelTimer: Cancel | undefined

  constructor(onRows: (rows: readonly NewQuery[]) => void, { clock }: { clock: Clock }) {
    this.#onRows = onRows
    this.#clock = clock
  }

  /** @param answer called only if the query is recorded by itself */
  add({ kind, what, by, durationMs }: AnsweredQuery, answer: () => Answer): void {
    if (kind === 'lookup') {
      this.#lookups++
      const bucket = bucketOf(durationMs)
      this.#durations[bucket] = (this.#durations[bucket] ?? 0) + 1
    }
    this.#cancelTimer ??= this.#clock.after(flushEveryMs, () => this.#flush())
    if (this.#recorded.length < recordedPerFlush) {
      const timeMs = Math.round(this.#clock.nowMs())
      const facts = { timeMs, kind, what: what.slice(0, 1_024), by, count: 1 }
      this.#recorded.push({ ...facts, durationMs: rounded(durationMs), ...answer() })
      return
    }
    const key = `${kind} ${by}`
    const counted = this.#counted.get(key) ?? { kind, by, count: 0, durationMs: 0 }
    this.#counted.set(key, counted)
    counted.count++
    counted.durationMs += durationMs
  }

  /** Lookups since the last call, and how long they took. */
  takeLatency(): { lookups: number; p50Ms?: number; p99Ms?: number } {
    const lookups = this.#lookups
    if (lookups === 0) return { lookups }
    const latency = { p50Ms: this.#percentile(0.5), p99Ms: this.#percentile(0.99) }
    this.#durations.fill(0)
    this.#lookups = 0
    return { lookups, ...latency }
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.()
    this.#flush()
  }

  #percentile(part: number): number {
    let left = part * this.#lookups
    const bucket = this.#durations.findIndex((count) => {
      left -= count
      return left <= 0
    })
    return rounded(2 ** ((bucket + 0.5) / bucketsPerOctave) / 1_000)
  }

  #flush(): void {
    this.#cancelTimer = undefined
    const timeMs = Math.round(this.#clock.nowMs())
    const summaries = Array.from(this.#counted.values(), ({ kind, by, count, durationMs }) => ({
      timeMs,
      kind,
      what: '',
      by,
      count,
      durationMs: rounded(durationMs / count),
    }))
    const rows = [...this.#recorded, ...summaries]
    this.#recorded = []
    this.#counted.clear()
    if (rows.length > 0) this.#onRows(rows)
  }
}

function bucketOf(durationMs: number): number {
  const octaves = Math.log2(Math.max(1, durationMs * 1_000))
  return Math.min(buckets - 1, Math.floor(octaves * bucketsPerOctave))
}

/** To microseconds. */
function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000
}
