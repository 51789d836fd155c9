import type { Cancel, Clock } from '../../common/clock.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { PastQuery, PastTransfer, Sample } from '../../common/protocol/history-messages.ts'
import type { HistoryStore, NewQuery, NewTransfer, Page, PageRequest } from './history-store.ts'

/** Interval of writing, while there is something: one transaction each. */
const writeEveryMs = 1_000
/** Pause after a failed write. */
const retryMs = 10_000
/** Rows of each kind that wait for a disk that cannot be written. The oldest are lost first. */
const unwrittenMax = 1_000

type Store = Pick<HistoryStore, 'add' | 'fault' | 'transfers' | 'queries' | 'samplesSince'>

interface Unwritten {
  transfers: NewTransfer[]
  queries: NewQuery[]
  samples: Sample[]
}

/**
 * The history of a peer. Rows are kept in memory for up to a second and written in groups, so that
 * recording costs no disk access; `kill -9` loses that second. A disk that fails stops nothing.
 */
export class History implements Disposable {
  readonly #store: Store
  readonly #clock: Clock
  readonly #log: Log
  #unwritten: Unwritten = { transfers: [], queries: [], samples: [] }
  #cancelTimer: Cancel | undefined
  #fault: string | undefined

  constructor(store: Store, { clock, log }: { clock: Clock; log: Log }) {
    this.#store = store
    this.#clock = clock
    this.#log = log
  }

  /** Why nothing can be written to disk; undefined if it can. */
  get fault(): string | undefined {
    return this.#fault ?? this.#store.fault
  }

  addTransfer(row: NewTransfer): void {
    this.#add(this.#unwritten.transfers, row)
  }

  addQueries(rows: readonly NewQuery[]): void {
    for (const row of rows) this.#add(this.#unwritten.queries, row)
  }

  addSample(row: Sample): void {
    this.#add(this.#unwritten.samples, row)
  }

  /** Newest first. @throws AppError DISK_FAILED */
  transfers(request: PageRequest): Page<PastTransfer> {
    return this.#read(() => this.#store.transfers(request))
  }

  /** Newest first. @throws AppError DISK_FAILED */
  queries(request: PageRequest): Page<PastQuery> {
    return this.#read(() => this.#store.queries(request))
  }

  /** Oldest first. @throws AppError DISK_FAILED */
  samplesSince(timeMs: number): Sample[] {
    return this.#read(() => this.#store.samplesSince(timeMs))
  }

  /** Writes what is left. */
  [Symbol.dispose](): void {
    this.#cancelTimer?.()
    this.#write()
    this.#cancelTimer?.()
  }

  #add<Row>(rows: Row[], row: Row): void {
    rows.push(row)
    if (rows.length > unwrittenMax) rows.shift()
    this.#writeAfter(writeEveryMs)
  }

  #writeAfter(delayMs: number): void {
    this.#cancelTimer ??= this.#clock.after(delayMs, () => {
      this.#cancelTimer = undefined
      this.#write()
    })
  }

  #write(): void {
    const { transfers, queries, samples } = this.#unwritten
    if (transfers.length + queries.length + samples.length === 0) return
    try {
      this.#store.add(this.#unwritten, this.#clock.nowMs())
      this.#unwritten = { transfers: [], queries: [], samples: [] }
      if (this.#fault !== undefined) this.#log.info({}, 'the history is written again')
      this.#fault = undefined
    } catch (error) {
      const reason = reasonOf(error)
      if (this.#fault === undefined) this.#log.warn({ reason }, 'the history cannot be written')
      this.#fault = reason
      this.#writeAfter(retryMs)
    }
  }

  #read<T>(read: () => T): T {
    // What has just happened is part of it.
    if (this.#fault === undefined) this.#write()
    try {
      return read()
    } catch (error) {
      const details = { action: 'read', path: 'history.db', reason: reasonOf(error) }
      throw new AppError('DISK_FAILED', details, { cause: error })
    }
  }
}
