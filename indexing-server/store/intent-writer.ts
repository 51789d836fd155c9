import type { AnnouncementWriter } from './announcement-writer.ts'
import { fileOfKey } from './file-key.ts'
import type { Decision, IntentRecord } from './intent-kinds.ts'
import type { IntentLog } from './intent-log.ts'
import type { Touched } from './store.ts'
import { Touching } from './touching.ts'

/**
 * Writes decisions with their effects on the typed tables. Each public method must run within a
 * transaction.
 */
export class IntentWriter {
  readonly #log: IntentLog
  readonly #files: Pick<AnnouncementWriter, 'onDeleted' | 'withdraw' | 'restore' | 'removeUnused'>

  constructor(
    log: IntentLog,
    files: Pick<AnnouncementWriter, 'onDeleted' | 'withdraw' | 'restore' | 'removeUnused'>,
  ) {
    this.#log = log
    this.#files = files
  }

  /**
   * @param nowMs wall time, whole
   * @throws AppError INTENT_FULL
   */
  decide(decisions: readonly Decision[], nowMs: number): Touched {
    const touching = new Touching()
    for (const decision of decisions) {
      const record = this.#log.decide(decision, nowMs)
      if (record !== undefined) touching.intent.push(record)
      this.#apply({ ...decision, changedMs: nowMs }, nowMs, touching)
    }
    this.#files.removeUnused(touching)
    return touching
  }

  /** Takes over the later decisions among those made elsewhere. */
  merge(records: readonly IntentRecord[], nowMs: number): Touched {
    const touching = new Touching()
    for (const record of records) {
      if (!this.#log.merge(record)) continue
      touching.intent.push(record)
      this.#apply(record, nowMs, touching)
    }
    this.#files.removeUnused(touching)
    return touching
  }

  /** The effect of a decision outside the log. Applying it twice changes nothing. */
  #apply(record: IntentRecord, nowMs: number, touching: Touching): void {
    const { kind, key, value, changedMs } = record
    if (kind === 'trash')
      this.#files.onDeleted(fileOfKey(key), value, { changedMs, nowMs }, touching)
    if (kind !== 'unshared') return
    if (value === null) this.#files.restore(fileOfKey(key), nowMs, touching)
    else this.#files.withdraw(fileOfKey(key), touching)
  }
}
