import type { CopyKind } from '../../common/protocol/messages.ts'
import type { Statements } from './catalog-statements.ts'

export interface Totals {
  readonly count: number
  readonly bytes: number
}

/** The number and bytes of files of each kind, updated with the changes of the catalog. */
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

  /** Restores an earlier value of {@link all}, after changes that were rolled back. */
  restore(totals: Readonly<Record<CopyKind, Totals>>): void {
    this.#totals = { ...totals }
  }

  /** Counts again from the database. */
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
