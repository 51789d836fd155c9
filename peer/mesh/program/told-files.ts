import type { QueryFile } from '../../../common/protocol/query-messages.ts'
import type { QueryWhat } from '../query/open-query.ts'

/** The files that one program has told, by name and by content. */
export class ToldFiles {
  /** By name and content: what is told again replaces what was told before. */
  readonly #files = new Map<string, QueryFile>()
  readonly #keysByName = new Map<string, Set<string>>()
  readonly #keysByHash = new Map<string, Set<string>>()

  get size(): number {
    return this.#files.size
  }

  /** @returns false if it is one more than there may be */
  add(file: QueryFile, sizeMax: number): boolean {
    const { name, sha256 } = file
    const key = `${sha256} ${name}`
    if (!this.#files.has(key) && this.size >= sizeMax) return false
    this.#files.set(key, file)
    addTo(this.#keysByName, name, key)
    addTo(this.#keysByHash, sha256, key)
    return true
  }

  clear(): void {
    this.#files.clear()
    this.#keysByName.clear()
    this.#keysByHash.clear()
  }

  /** The files that a query may be about: of its name or content, or all. */
  candidates({ name, sha256 }: QueryWhat): IteratorObject<QueryFile> {
    if (name !== undefined) return this.#at(this.#keysByName.get(name))
    if (sha256 !== undefined) return this.#at(this.#keysByHash.get(sha256))
    return this.#files.values()
  }

  #at(keys: ReadonlySet<string> = new Set()): IteratorObject<QueryFile> {
    return keys
      .values()
      .map((key) => this.#files.get(key))
      .filter((file) => file !== undefined)
  }
}

function addTo(keysBy: Map<string, Set<string>>, by: string, key: string): void {
  keysBy.set(by, (keysBy.get(by) ?? new Set()).add(key))
}
