import type { CopyKind } from '../../common/protocol/messages.ts'
import type { Statements } from './catalog-statements.ts'

export interface Totals {
  readonly count: number
  readonly bytes: number
}

/** Files and bytes of each kind, counted along with the changes of the catalog. */
export class CatalogTotals {
  readonly #statement: Statements['totals']
  #totals: Record<CopyKind, Totals>

  constructor(statement: Statements['totals']) {
    this.#statement = statement
    this.#totals = this.#countAll()
  }

  get all(): Readonly<Record<CopyKind, Totals>> {
    return { ...this.#totals }
  }

  add(kind: CopyKind, count: number, bytes: number): void {
    const before = this.#totals[kind]
    this.#totals[kind] = { count: before.count + count, bytes: before.bytes + bytes }
  }

  /** Goes back to what {@link all} said, after changes that the database did not keep. */
  restore(totals: Readonly<Record<CopyKind, Totals>>): void {
    this.#totals = { ...totals }
  }

  /** Counts anew. */
  reload(): void {
    this.#totals = this.#countAll()
  }

  #countAll(): Record<CopyKind, Totals> {
    const none = { count: 0, bytes: 0 }
    const totals = { shared: none, downloaded: none, replicated: none }
    for (const { kind, count, bytes } of this.#statement.all()) totals[kind] = { count, bytes }
    return totals
  }
}
