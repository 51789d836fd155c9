import { limits } from '../../common/limits.ts'
import { type NameQuery, parsePattern } from '../../common/name-query.ts'
import type { RecordOf } from '../store/intent-kinds.ts'

export interface ReplicationRule {
  readonly pattern: string
  readonly factor: number
  /** When it was set: of the rules that match a name, the last one applies. */
  readonly changedMs: number
}

interface Rule extends ReplicationRule {
  readonly query: NameQuery
}

/** The number of copies that each file wants: by the rules that people set, or the default. */
export class Factors {
  readonly default: number
  readonly #rules = new Map<string, Rule>()
  /** The last one set comes first. */
  #ordered: readonly Rule[] = []

  constructor(byDefault: number) {
    this.default = byDefault
  }

  apply({ key: pattern, value, changedMs }: RecordOf<'replication'>): void {
    if (value === null) this.#rules.delete(pattern)
    else {
      const query = parsePattern(pattern)
      this.#rules.set(pattern, { pattern, factor: value.factor, changedMs, query })
    }
    this.#ordered = [...this.#rules.values()].toSorted(isEarlier)
  }

  get hasRules(): boolean {
    return this.#ordered.length > 0
  }

  /** The last one set comes first. */
  get rules(): readonly ReplicationRule[] {
    return this.#ordered.map(({ pattern, factor, changedMs }) => ({ pattern, factor, changedMs }))
  }

  has(pattern: string): boolean {
    return this.#rules.has(pattern)
  }

  /** The rule that applies to a name; undefined if none matches. */
  ruleFor(name: string): ReplicationRule | undefined {
    return this.#ordered.find(({ query }) => query.matches(name))
  }

  /**
   * The factor of a content: the highest of those that its files want.
   * @param names of its files; with more than `limits.namesPerFactor`, any rule may be for one of
   *   the others, so that the highest of all applies
   */
  of(names: readonly string[]): number {
    if (!this.hasRules) return this.default
    const isPart = names.length > limits.namesPerFactor
    const factors = isPart
      ? [this.default, ...this.#ordered.map(({ factor }) => factor)]
      : names.map((name) => this.ruleFor(name)?.factor ?? this.default)
    return factors.length === 0 ? this.default : Math.max(...factors)
  }
}

/** Two rules of the same millisecond apply in the same order on every index. */
function isEarlier(one: Rule, other: Rule): number {
  return other.changedMs - one.changedMs || (one.pattern < other.pattern ? -1 : 1)
}
