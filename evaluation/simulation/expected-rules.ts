import { type NameQuery, parsePattern } from '../../common/name-query.ts'
import type { Cluster, Machine } from './cluster/cluster.ts'

/** A change of a rule may not have reached all decisions of the index for this long. */
const rulesSettleMs = 60_000
/** A fresh index may not have read what peers keep of its decisions for this long. */
const rereadMs = 600_000
/** A fresh index reads decisions from peers for this long. */
const readMs = 3_600_000

interface Rule {
  readonly pattern: string
  readonly factor: number
  readonly query: NameQuery
}

/** The replication rules that users have set, as they must be in force. */
export class ExpectedRules {
  readonly #cluster: Cluster
  /** By pattern, in the order in which they were set; `undefined`: removed. */
  readonly #decided = new Map<string, number | undefined>()
  /** What was asked without an answer, or may be lost; to be asked again. */
  readonly #uncertain = new Map<string, number | undefined>()
  /** The one set last first. */
  #rules: readonly Rule[] = []
  #changedMs = Number.NEGATIVE_INFINITY

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** A user is about to change a rule: one at a time. */
  onAsked(pattern: string, factor: number | undefined): void {
    this.#uncertain.set(pattern, factor)
    this.#changedMs = this.#cluster.clock.elapsedMs
  }

  /** The index has confirmed the change. */
  onAnswered(pattern: string, factor: number | undefined): void {
    const { clock, indexLostAtMs } = this.#cluster
    this.#changedMs = clock.elapsedMs
    // It may be older, by the clock of a fresh index, than one that peers keep.
    if (clock.elapsedMs - indexLostAtMs >= rereadMs) this.#uncertain.delete(pattern)
    this.#decided.delete(pattern)
    this.#decided.set(pattern, factor)
    this.#onDecided()
  }

  /** There is no such rule to remove. */
  onMissing(pattern: string): void {
    this.#uncertain.delete(pattern)
    this.#decided.delete(pattern)
    this.#onDecided()
  }

  /** Changes to ask for again, once the faults are over. */
  get uncertain(): readonly (readonly [string, number | undefined])[] {
    return [...this.#uncertain]
  }

  /** The disk of the index is lost: what no peer keeps may be lost with it. */
  onIndexLost(): void {
    const kept = new Set(this.#cluster.machines.flatMap((machine) => keptBy(machine)))
    for (const [pattern, factor] of this.#decided)
      if (!kept.has(keyOf(pattern, factor))) this.#uncertain.set(pattern, factor)
  }

  /** A fresh index may not have read what this machine kept. */
  onDiskLost(): void {
    const { clock, indexLostAtMs } = this.#cluster
    if (clock.elapsedMs - indexLostAtMs < readMs)
      for (const [pattern, factor] of this.#decided) this.#uncertain.set(pattern, factor)
  }

  /** Whether the index applies all of them, and no others. */
  get areSettled(): boolean {
    const { clock, indexLostAtMs } = this.#cluster
    const sinceMs = Math.max(this.#changedMs + rulesSettleMs, indexLostAtMs + rereadMs)
    return this.#uncertain.size === 0 && clock.elapsedMs >= sinceMs
  }

  factorOf(name: string): number {
    const rule = this.#rules.find(({ query }) => query.matches(name))
    return rule?.factor ?? this.#cluster.settings.replicationFactor
  }

  /** What is wrong with the rules in the database of the index, and with what machines keep of it. */
  wrongs(machines: readonly Machine[]): string[] {
    const rows = this.#cluster.index?.database
      .prepare("select key, value from intent where kind = 'replication' and value is not null")
      .all() as { key: string; value: string }[] | undefined
    const inForce = new Set(rows?.map(({ key, value }) => `${key} ${value}`))
    const wanted = new Set(this.#rules.map(({ pattern, factor }) => keyOf(pattern, factor)))
    const decided = Array.from(this.#decided, ([pattern, factor]) => keyOf(pattern, factor))
    return [
      ...Array.from(wanted.difference(inForce), (rule) => `the rule ${rule} is not in force`),
      ...Array.from(inForce.difference(wanted), (rule) => `no user wants the rule ${rule}`),
      ...machines.flatMap((machine) => {
        const kept = new Set(keptBy(machine))
        const missing = decided.filter((rule) => !kept.has(rule))
        return missing.map((rule) => `${machine.peerId} does not keep the rule ${rule}`)
      }),
    ]
  }

  #onDecided(): void {
    this.#rules = [...this.#decided]
      .flatMap(([of, copies]) =>
        copies === undefined ? [] : [{ pattern: of, factor: copies, query: parsePattern(of) }],
      )
      .toReversed()
  }
}

function keptBy({ disk }: Machine): string[] {
  const all = { after: 0, limit: Number.MAX_SAFE_INTEGER }
  const { records } = disk.intent?.read(all) ?? { records: [] }
  return records
    .filter(({ kind }) => kind === 'replication')
    .map(({ key, value }) => `${key} ${value}`)
}

function keyOf(pattern: string, factor: number | undefined): string {
  return `${pattern} ${factor === undefined ? null : JSON.stringify({ factor })}`
}
