import type { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import type { Log } from '../common/log.ts'
import {
  type Decision,
  type IntentKind,
  type IntentRecord,
  intentKinds,
  type RecordOf,
} from './store/intent-kinds.ts'
import type { IndexStore, Touched } from './store/store.ts'

/** Interval of forgetting old records: they are kept for months. */
const pruneMs = 3_600_000
/** Records read at a time when the index starts. */
const recordsPerRead = 1_000

/**
 * Keeps what is in force of a kind in memory: called with each of its records, in any order. At the
 * start of the index (`isLoading`), with those in force, before anything is judged.
 */
export type IntentAppliers = {
  readonly [K in IntentKind]?: (record: RecordOf<K>, isLoading: boolean) => void
}

interface Dependencies {
  readonly store: Pick<IndexStore, 'decide' | 'intents' | 'pruneIntent'>
  /** Forgets cached data about what a write changed, and has it judged. */
  readonly onTouched: (touched: Touched) => void
  readonly appliers: IntentAppliers
  readonly background: BackgroundWork
  readonly clock: Clock
  readonly log: Log
}

/**
 * The one way in which intent changes: a decision is durable first, then in force in memory. See
 * `store/intent-kinds.ts`.
 */
export class Decisions {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Applies what is in force; called once, before anything else is done. */
  async load(): Promise<void> {
    const { store, appliers, background } = this.#dependencies
    for (const kind of Object.keys(intentKinds) as IntentKind[]) {
      if (appliers[kind] === undefined) continue
      for (let after: string | undefined = ''; after !== undefined; ) {
        const records: readonly IntentRecord[] = await store.intents(kind, after, recordsPerRead)
        this.#apply(records, true)
        after = records.length < recordsPerRead ? undefined : records.at(-1)?.key
      }
    }
    background.start('forget old decisions', (signal) => this.#prune(signal))
  }

  /**
   * Resolves when the decisions are durable and in force.
   * @throws AppError INTENT_FULL, DISK_FAILED; none of them is in force then
   */
  async decide(decisions: readonly Decision[]): Promise<void> {
    this.onWritten(await this.#dependencies.store.decide(decisions))
  }

  /** Everything that follows from any write to the store. */
  onWritten(touched: Touched): void {
    this.#apply(touched.intent, false)
    this.#dependencies.onTouched(touched)
  }

  #apply(records: readonly IntentRecord[], isLoading: boolean): void {
    for (const record of records) {
      const applier = this.#dependencies.appliers[record.kind] as
        | ((record: IntentRecord, isLoading: boolean) => void)
        | undefined
      applier?.(record, isLoading)
    }
  }

  async #prune(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#dependencies
    for (;;) {
      await clock.sleep(pruneMs, signal)
      try {
        await store.pruneIntent()
      } catch (error) {
        log.warn({ reason: reasonOf(error) }, 'old decisions were not forgotten')
      }
    }
  }
}
