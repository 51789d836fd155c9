interface Published {
  readonly json: string
  readonly key: string
}

/** The rows of a list as clients know them. */
export class PublishedRows<Row> {
  readonly #idOf: (row: Row) => string
  readonly #keyOf: (row: Row) => unknown
  readonly #rows = new Map<string, Published>()

  /** @param keyOf the part of a row that counts as a change; by default all of it */
  constructor(idOf: (row: Row) => string, keyOf: (row: Row) => unknown = (row) => row) {
    this.#idOf = idOf
    this.#keyOf = keyOf
  }

  /** The rows that differ from those published before, as JSON; they count as published now. */
  changed(rows: readonly Row[]): string[] {
    return rows.flatMap((row) => {
      const id = this.#idOf(row)
      const key = JSON.stringify(this.#keyOf(row))
      const json = JSON.stringify(row)
      const isSame = this.#rows.get(id)?.key === key
      // Also without a change: a client that comes later is sent the present row.
      this.#rows.set(id, { json, key })
      return isSame ? [] : [json]
    })
  }

  /** The published ids that no longer exist; they count as unknown now. */
  removed(exists: (id: string) => boolean): string[] {
    const removed = [...this.#rows.keys()].filter((id) => !exists(id))
    for (const id of removed) this.#rows.delete(id)
    return removed
  }

  /** All rows as they were last, as JSON. */
  get all(): string[] {
    return Array.from(this.#rows.values(), ({ json }) => json)
  }
}
