import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { Catalog } from './catalog.ts'

/** Looks after the catalog's file, so that its removal costs neither the inventory nor what was unshared. */
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

  /** Keeps a copy where the file was removed. */
  keep(): void {
    const path = this.#path
    try {
      if (!this.#catalog.keepFile() || this.#isRemoved) return
      this.#isRemoved = true
      this.#log.error(
        { path },
        'the catalog was removed while the peer runs: a copy is kept there; restart the peer',
      )
    } catch (error) {
      this.#log.error(
        { path, reason: reasonOf(error) },
        'the catalog was removed while the peer runs, and cannot be written',
      )
    }
  }
}
