import { Counter, Histogram, Registry as Metrics } from '@prometheus-io/client'
import type { Clock } from '../common/clock.ts'
import { toAppError } from '../common/errors.ts'
import { type MetricRow, registerMetrics } from '../common/metric-rows.ts'
import type { MessageType, ReplyOf } from '../common/protocol/messages.ts'
import type { IndexHandlers } from './handlers.ts'
import type { ProofDesk } from './proofs/proof-desk.ts'
import type { Unproven } from './proofs/unproven.ts'
import type { Repairs } from './replication/coordinator.ts'
import { type Healed, lackings } from './replication/open-needs.ts'
import type { Totals } from './store/store.ts'

/** The values of the gauges, queried on each scrape. */
export interface MetricsSources {
  readonly status: () => Promise<ReplyOf<'status'>>
  readonly totals: () => Promise<Totals>
  readonly connections: () => number
  readonly decisionKeepers: () => Promise<{ complete: number; behind: number }>
  /** Why the database cannot be written, if so. */
  readonly writes: { readonly fault: string | undefined }
  readonly repairs: Pick<Repairs, 'needs' | 'meter' | 'kept'>
  /** Peers that recently sent wrong bytes to several hosts. */
  readonly accusedPeers: () => number
  readonly unproven: Pick<Unproven, 'counts'>
  /** Answers to `prove` since the start. */
  readonly proofs: Pick<ProofDesk, 'outcomes'>
  readonly lookups: { readonly hits: number; readonly misses: number }
  readonly admission: { readonly refused: number }
}

/** THE table of the metrics that are queried on each scrape; {@link IndexMetrics} counts requests as they come. */
const rows: readonly MetricRow<MetricsSources>[] = [
  {
    name: 'tandem_index_database_writable',
    kind: 'gauge',
    help: '1, or 0 after a write that failed',
    read: ({ writes }) => (writes.fault === undefined ? 1 : 0),
  },
  {
    name: 'tandem_index_peers',
    kind: 'gauge',
    help: 'Peers by state',
    label: 'state',
    read: async ({ status }) => ({ unreachable: 0, ...(await status()).peers }),
  },
  {
    name: 'tandem_index_contents',
    kind: 'gauge',
    help: 'Needed contents, by whether they have their copies',
    label: 'state',
    read: async ({ status }) => {
      const { atFactor, belowFactor } = await status()
      return { at_factor: atFactor, below_factor: belowFactor }
    },
  },
  {
    name: 'tandem_index_contents_lacking',
    kind: 'gauge',
    help: 'Contents that lack copies, by urgency; lost: no copy is left',
    label: 'urgency',
    read: ({ repairs: { needs } }) =>
      Object.fromEntries(lackings.map((lacking) => [lacking, needs.countOf(lacking)])),
  },
  {
    name: 'tandem_index_missing_bytes',
    kind: 'gauge',
    help: 'Bytes of all missing copies',
    read: ({ repairs }) => repairs.needs.missingBytes,
  },
  {
    name: 'tandem_index_oldest_need_seconds',
    kind: 'gauge',
    help: 'How long the first of the contents that lack copies has lacked them',
    read: async ({ status }) => ((await status()).repair?.oldestMs ?? 0) / 1_000,
  },
  {
    name: 'tandem_index_copies_total',
    kind: 'counter',
    help: 'Copies that peers reported as made',
    read: ({ repairs }) => repairs.meter.totals.files,
  },
  {
    name: 'tandem_index_copied_bytes_total',
    kind: 'counter',
    help: 'Bytes of these copies',
    read: ({ repairs }) => repairs.meter.totals.bytes,
  },
  {
    name: 'tandem_index_failed_tasks_total',
    kind: 'counter',
    help: 'Failed copies and drops by error code',
    label: 'code',
    read: ({ repairs }) => repairs.meter.failures,
  },
  {
    name: 'tandem_index_accused_peers',
    kind: 'gauge',
    help: 'Peers that recently sent wrong bytes to several hosts: their copies are offered last',
    read: ({ accusedPeers }) => accusedPeers(),
  },
  {
    name: 'tandem_index_proofs_total',
    kind: 'counter',
    help: 'Proofs requested from peers, by outcome',
    label: 'outcome',
    read: ({ proofs }) => proofs.outcomes,
  },
  {
    name: 'tandem_index_unproven_copies',
    kind: 'gauge',
    help: 'Copies that do not count because their peers have not proven them',
    read: ({ unproven }) => unproven.counts.copies,
  },
  {
    name: 'tandem_index_distrusted_peers',
    kind: 'gauge',
    help: 'Peers none of whose copies counts, because they have not proven many',
    read: ({ unproven }) => unproven.counts.distrusted,
  },
  {
    name: 'tandem_index_contents_above_factor',
    kind: 'gauge',
    help: 'Contents at their factor with replicas beyond it, which are dropped later',
    read: async ({ status }) => (await status()).aboveFactor ?? 0,
  },
  {
    name: 'tandem_index_no_room_contents',
    kind: 'gauge',
    help: 'Contents with missing copies that fit on no peer',
    read: async ({ status }) => (await status()).noRoom?.contents ?? 0,
  },
  {
    name: 'tandem_index_no_room_bytes',
    kind: 'gauge',
    help: 'Bytes of the missing copies that fit on no peer',
    read: async ({ status }) => (await status()).noRoom?.bytes ?? 0,
  },
  {
    name: 'tandem_index_room_to_add_bytes',
    kind: 'gauge',
    help: 'Bytes of additional room that peers need, so that all missing copies fit',
    read: async ({ status }) => (await status()).noRoom?.addBytes ?? 0,
  },
  {
    name: 'tandem_index_moving',
    kind: 'gauge',
    help: 'Replicas that move to another zone or to a less full peer',
    label: 'reason',
    read: async ({ status }) => (await status()).moving ?? { zone: 0, balance: 0 },
  },
  {
    name: 'tandem_index_tasks',
    kind: 'gauge',
    help: 'Replication tasks by state',
    label: 'state',
    read: async ({ status }) => (await status()).tasks,
  },
  {
    name: 'tandem_index_kept_entries',
    kind: 'gauge',
    help: 'Entries in memory about work on copies, by table; they end with the work',
    label: 'table',
    read: ({ repairs }) => repairs.kept(),
  },
  {
    name: 'tandem_index_brake',
    kind: 'gauge',
    help: '1 while nothing is copied or dropped, by cause',
    label: 'cause',
    read: async ({ status }) => {
      const { brake } = await status()
      return { start: on(brake, 'start'), 'peers-lost': on(brake, 'peers-lost') }
    },
  },
  {
    name: 'tandem_index_brake_on_seconds',
    kind: 'gauge',
    help: 'How long the brake has been on; 0 while it is off',
    read: async ({ status }) => ((await status()).brake?.forMs ?? 0) / 1_000,
  },
  {
    name: 'tandem_index_brake_left_seconds',
    kind: 'gauge',
    help: 'How long the brake stays on at most, from now; 0 while it is off',
    read: async ({ status }) => ((await status()).brake?.leftMs ?? 0) / 1_000,
  },
  {
    name: 'tandem_index_announced_names',
    kind: 'gauge',
    help: 'Names that the index knows',
    read: async ({ totals }) => (await totals()).names,
  },
  {
    name: 'tandem_index_announced_contents',
    kind: 'gauge',
    help: 'Contents that the index knows',
    read: async ({ totals }) => (await totals()).contents,
  },
  {
    name: 'tandem_index_announced_copies',
    kind: 'gauge',
    help: 'Copies that the index knows, of live and other peers',
    read: async ({ totals }) => (await totals()).copies,
  },
  {
    name: 'tandem_index_trash_files',
    kind: 'gauge',
    help: 'Deleted files that are kept in the trash',
    read: async ({ totals }) => (await totals()).trashFiles,
  },
  {
    name: 'tandem_index_trash_bytes',
    kind: 'gauge',
    help: 'Bytes of the deleted files in the trash, each file counted',
    read: async ({ totals }) => (await totals()).trashBytes,
  },
  {
    name: 'tandem_index_decisions',
    kind: 'gauge',
    help: 'Registered peers by whether they keep all decisions, such as replication rules',
    label: 'peers',
    read: async ({ decisionKeepers }) => await decisionKeepers(),
  },
  {
    name: 'tandem_index_content_bytes',
    kind: 'gauge',
    help: 'Bytes of all contents, each counted once',
    read: async ({ totals }) => (await totals()).bytes,
  },
  {
    name: 'tandem_index_connections',
    kind: 'gauge',
    help: 'Open connections',
    read: ({ connections }) => connections(),
  },
  {
    name: 'tandem_index_refused_queries_total',
    kind: 'counter',
    help: 'Queries refused because the index was overloaded',
    read: ({ admission }) => admission.refused,
  },
  {
    name: 'tandem_index_lookup_cache_total',
    kind: 'counter',
    help: 'Lookups answered from memory and from the database',
    label: 'outcome',
    read: ({ lookups: { hits, misses } }) => ({ hit: hits, miss: misses }),
  },
]

type Brake = ReplyOf<'status'>['brake']

function on(brake: Brake, cause: NonNullable<Brake>['cause']): 0 | 1 {
  return brake?.cause === cause ? 1 : 0
}

/** The index's metrics, in their own registry. */
export class IndexMetrics {
  readonly #metrics = new Metrics()
  readonly #requests: Counter<'type' | 'outcome'>
  readonly #seconds: Histogram<'type'>
  readonly #healSeconds: Histogram<'cause'>
  readonly #series = new Map<string, Series>()
  readonly #refused: Counter<'code'>

  constructor() {
    const registers = [this.#metrics]
    this.#requests = new Counter({
      name: 'tandem_index_requests_total',
      help: 'Requests answered, by type and by ok or error code',
      labelNames: ['type', 'outcome'],
      registers,
    })
    this.#refused = new Counter({
      name: 'tandem_index_refused_total',
      help: 'Connections and joins that were refused, by error code',
      labelNames: ['code'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'tandem_index_request_seconds',
      help: 'Time from a request to its answer; of lookups that are answered together, of one',
      labelNames: ['type'],
      buckets: [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10],
      registers,
    })
    this.#healSeconds = new Histogram({
      name: 'tandem_index_heal_seconds',
      help: 'How long contents lacked copies: new ones, and those that had lost some',
      labelNames: ['cause'],
      buckets: [1, 3, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400],
      registers,
    })
  }

  /** A connection or a join was refused. */
  onRefused(code: string): void {
    this.#refused.inc({ code })
  }

  /** A content has its copies again, or for the first time. */
  onHealed({ lackedMs, cause }: Healed): void {
    this.#healSeconds.observe({ cause }, lackedMs / 1_000)
  }

  /** The same handlers, counting and timing each call. `onFailed` is told each error of a handler. */
  measured(
    handlers: IndexHandlers,
    clock: Clock,
    onFailed: (error: unknown) => void = () => {},
  ): IndexHandlers {
    const measuredOnes = Object.entries(handlers).map(([type, handler]) => [
      type,
      this.#measured(type, handler as AnyHandler, clock, onFailed),
    ])
    return Object.fromEntries(measuredOnes) as IndexHandlers
  }

  /**
   * Requests that were answered without their handler, together in `seconds`. To observe the time of each
   * would take a fifth of it.
   */
  onAnswered(type: MessageType, count: number, seconds: number): void {
    const { ok, times } = this.#seriesOf(type)
    ok.inc(count)
    times.observe(seconds)
  }

  /** Adds the gauges, which need a running index. */
  observe(sources: MetricsSources): void {
    registerMetrics(this.#metrics, rows, sources)
  }

  get contentType(): string {
    return this.#metrics.contentType
  }

  /** All metrics in the Prometheus text format. */
  text(): Promise<string> {
    return this.#metrics.metrics()
  }

  /** The series of most requests: looking up a series by its labels costs more than a lookup. */
  #seriesOf(type: string): Series {
    const known = this.#series.get(type)
    if (known !== undefined) return known
    const ok = this.#requests.labels({ type, outcome: 'ok' })
    const series = { ok, times: this.#seconds.labels({ type }) }
    this.#series.set(type, series)
    return series
  }

  #measured(
    type: string,
    handler: AnyHandler,
    clock: Clock,
    onFailed: (error: unknown) => void,
  ): AnyHandler {
    const { ok, times } = this.#seriesOf(type)
    return (request, session, signal) => {
      const startedMs = clock.monotonicMs()
      const onEnd = (): void => times.observe((clock.monotonicMs() - startedMs) / 1_000)
      const onAnswer = (answer: unknown): unknown => {
        ok.inc()
        onEnd()
        return answer
      }
      const onError = (error: unknown): never => {
        this.#requests.inc({ type, outcome: toAppError(error).code })
        onEnd()
        onFailed(error)
        throw error
      }
      let answer: unknown
      try {
        answer = handler(request, session, signal)
      } catch (error) {
        return onError(error)
      }
      return answer instanceof Promise ? answer.then(onAnswer, onError) : onAnswer(answer)
    }
  }
}

interface Series {
  readonly ok: { inc(count?: number): void }
  readonly times: { observe(seconds: number): void }
}

type AnyHandler = (request: unknown, session: unknown, signal: AbortSignal) => unknown
