import type { Catalog } from './catalog.ts'
import { isUntouched } from './inspect.ts'

/** Checks copies on disk without reading them. */
export class CopyChecker {
  readonly #catalog: Pick<Catalog, 'find'>
  readonly #recheck: (path: string) => void

  constructor(dependencies: {
    readonly catalog: Pick<Catalog, 'find'>
    /** Compares a file with the catalog soon. */
    readonly recheck: (path: string) => void
  }) {
    this.#catalog = dependencies.catalog
    this.#recheck = dependencies.recheck
  }

  /**
   * Whether a file with this content has the size, times and inode that the catalog recorded.
   * Altered and missing files are compared with the catalog soon.
   * @param options.mayBeReplica whether a replicated copy is enough
   */
  async has(sha256: string, options: { readonly mayBeReplica: boolean }): Promise<boolean> {
    const entries = this.#catalog.find(sha256)
    for (const entry of entries) {
      if (entry.at.kind === 'replicated' && !options.mayBeReplica) continue
      if (await isUntouched(entry).catch(() => false)) return true
      this.#recheck(entry.at.path)
    }
    return false
  }
}
