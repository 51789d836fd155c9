import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { Catalog } from './catalog.ts'

/**
 * Checks the catalog's file, so that its deletion loses neither the inventory nor the unshared
 * names.
 */
export class CatalogFileWatch {
  readonly #path: string
  readonly #catalog: Pick<Catalog, 'keepFile'>
  readonly #log: Log
  #isRemoved = false

  constructor(path: string, dependencies: { catalog: Pick<Catalog, 'keepFile'>; log: Log }) {
    this.#path = path
    this.#catalog = dependencies.catalog
    this.#log = dependencies.log
  }

  /** Writes a copy if the file was deleted. */
  keep(): void {
    const path = this.#path
    try {
      if (!this.#catalog.keepFile() || this.#isRemoved) return
      this.#isRemoved = true
      this.#log.error(
        { path },
        'the catalog was deleted while the peer was running; a copy was written: restart the peer',
      )
    } catch (error) {
      this.#log.error(
        { path, reason: reasonOf(error) },
        'the catalog was deleted while the peer was running, and cannot be written',
      )
    }
  }
}
