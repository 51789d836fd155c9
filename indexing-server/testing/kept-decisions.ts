import type {
  IntentRecord,
  IntentState,
  ReplyOf,
  RequestOf,
} from '../../common/protocol/messages.ts'

interface Log extends IntentState {
  readonly records: ReadonlyMap<string, IntentRecord>
}

/** The decisions that a scripted peer keeps, as PROTOCOL.md says. */
export class KeptDecisions {
  #kept: Log | undefined
  #incoming: Log | undefined
  /** Number of pages that it was sent. */
  pages = 0
  /** Number of pages that were read from it. */
  reads = 0

  get state(): IntentState | undefined {
    return this.#kept && { logId: this.#kept.logId, revision: this.#kept.revision }
  }

  /** What is in force, by kind and key. */
  get inForce(): Record<string, unknown> {
    const records = [...(this.#kept?.records.entries() ?? [])]
    return Object.fromEntries(
      records.flatMap(([id, { value }]) =>
        value === null ? [] : [[id, JSON.parse(value) as unknown]],
      ),
    )
  }

  keep(page: RequestOf<'keep-intent'>): ReplyOf<'keep-intent'> {
    this.pages++
    const { logId, after, revision, isLast } = page
    const isKept = this.#kept?.logId === logId
    if (!isKept && after === 0) this.#incoming = { logId, revision: 0, records: new Map() }
    const log = isKept ? this.#kept : this.#incoming
    if (log?.logId !== logId || log.revision !== after) return { revision: log?.revision ?? 0 }
    const records = new Map(log.records)
    for (const record of page.records) records.set(`${record.kind} ${record.key}`, record)
    const next = { logId, revision, records }
    if (isKept || isLast) this.#kept = next
    else this.#incoming = next
    return { revision }
  }

  read({ after, limit }: RequestOf<'read-intent'>): ReplyOf<'read-intent'> {
    this.reads++
    const records = [...(this.#kept?.records.values() ?? [])]
    const later = records.filter(({ revision }) => revision > after)
    return { records: later.toSorted((a, b) => a.revision - b.revision).slice(0, limit) }
  }
}
