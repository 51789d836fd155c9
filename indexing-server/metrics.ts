import { Counter, Gauge, Histogram, Registry as Metrics } from '@prometheus-io/client'
import type { Clock } from '../common/clock.ts'
import { toAppError } from '../common/errors.ts'
import type { ReplyOf } from '../common/protocol/messages.ts'
import type { IndexHandlers } from './handlers.ts'

/** The values of the gauges, queried on each scrape. */
export interface MetricsSources {
  readonly status: () => Promise<ReplyOf<'status'>>
  readonly stats: () => Promise<ReplyOf<'stats'>>
  /** Why the database cannot be written, if so. */
  readonly writes: { readonly fault: string | undefined }
  readonly lookups: { readonly hits: number; readonly misses: number }
}

/** The index's metrics, in their own registry. */
export class IndexMetrics {
  readonly #metrics = new Metrics()
  readonly #requests: Counter<'type' | 'outcome'>
  readonly #seconds: Histogram<'type'>
  #requestCount = 0

  constructor() {
    const registers = [this.#metrics]
    this.#requests = new Counter({
      name: 'tandem_index_requests_total',
      help: 'Requests answered, by type and by ok or error code',
      labelNames: ['type', 'outcome'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'tandem_index_request_seconds',
      help: 'Time from a request to its answer',
      labelNames: ['type'],
      buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    })
  }

  /** Number of requests answered so far, successfully or not. */
  get requestCount(): number {
    return this.#requestCount
  }

  /** The same handlers, counting and timing each call. */
  measured(handlers: IndexHandlers, clock: Clock): IndexHandlers {
    const measuredOnes = Object.entries(handlers).map(([type, handler]) => [
      type,
      this.#measured(type, handler as AnyHandler, clock),
    ])
    return Object.fromEntries(measuredOnes) as IndexHandlers
  }

  /** Adds the gauges, which need a running index. */
  observe({ status, stats, writes, lookups }: MetricsSources): void {
    this.#gauge('database_writable', '1, or 0 after a write that failed', [], async (gauge) => {
      gauge.set(writes.fault === undefined ? 1 : 0)
    })
    this.#gauge('peers', 'Peers by state', ['state'], async (gauge) => {
      const { peers } = await status()
      for (const [state, count] of Object.entries({ unreachable: 0, ...peers }))
        gauge.set({ state }, count)
    })
    this.#gauge(
      'contents',
      'Wanted contents, by whether they have their copies',
      ['state'],
      async (gauge) => {
        const { atFactor, belowFactor } = await status()
        gauge.set({ state: 'at_factor' }, atFactor)
        gauge.set({ state: 'below_factor' }, belowFactor)
      },
    )
    this.#gauge('tasks', 'Replication tasks by state', ['state'], async (gauge) => {
      const { tasks } = await status()
      for (const [state, count] of Object.entries(tasks)) gauge.set({ state }, count)
    })
    this.#gauge('known', 'What the index knows', ['what'], async (gauge) => {
      const { names, contents, copies } = await stats()
      for (const [what, count] of Object.entries({ names, contents, copies }))
        gauge.set({ what }, count)
    })
    this.#gauge('content_bytes', 'Bytes of all contents, each counted once', [], async (gauge) => {
      gauge.set((await stats()).bytes)
    })
    this.#gauge('connections', 'Open connections', [], async (gauge) => {
      gauge.set((await stats()).connections)
    })
    this.#gauge(
      'lookup_cache',
      'Lookups answered from memory and from the database',
      ['outcome'],
      async (gauge) => {
        gauge.set({ outcome: 'hit' }, lookups.hits)
        gauge.set({ outcome: 'miss' }, lookups.misses)
      },
    )
  }

  get contentType(): string {
    return this.#metrics.contentType
  }

  /** All metrics in the Prometheus text format. */
  text(): Promise<string> {
    return this.#metrics.metrics()
  }

  #gauge(
    name: string,
    help: string,
    labelNames: string[],
    read: (gauge: Gauge<string>) => Promise<void>,
  ): void {
    // It registers itself.
    new Gauge({
      name: `tandem_index_${name}`,
      help,
      labelNames,
      registers: [this.#metrics],
      collect() {
        return read(this)
      },
    })
  }

  #measured(type: string, handler: AnyHandler, clock: Clock): AnyHandler {
    return async (request, session, signal) => {
      const startedMs = clock.monotonicMs()
      let outcome = 'ok'
      try {
        return await handler(request, session, signal)
      } catch (error) {
        outcome = toAppError(error).code
        throw error
      } finally {
        this.#requestCount++
        this.#requests.inc({ type, outcome })
        this.#seconds.observe({ type }, (clock.monotonicMs() - startedMs) / 1_000)
      }
    }
  }
}

type AnyHandler = (request: unknown, session: unknown, signal: AbortSignal) => Promise<unknown>
