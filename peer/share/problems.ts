import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'

/** Why a file in one of the folders is not shared. */
export interface Problem {
  readonly path: string
  readonly reason: string
}

/** What the last scan could not take up; each is logged once for as long as it stays. */
export class Problems {
  readonly #log: Log
  readonly #known = new Map<string, { reason: string; scan: number }>()
  #scan = 0

  constructor({ log }: { log: Log }) {
    this.#log = log
  }

  add(path: string, reason: string): void {
    const isNew = this.#known.get(path)?.reason !== reason
    // A folder of nothing but bad names must not fill memory and log.
    if (isNew && this.#known.size >= limits.fileProblemsMax) return
    this.#known.set(path, { reason, scan: this.#scan })
    if (isNew) this.#log.warn({ path, reason }, 'file is not shared')
  }

  /** A new look at everything begins. */
  beginScan(): void {
    this.#scan++
  }

  /** What was not found again since `beginScan` is no problem any more. */
  endScan(): void {
    for (const [path, { scan }] of this.#known) if (scan < this.#scan) this.#known.delete(path)
  }

  list(): Problem[] {
    return Array.from(this.#known, ([path, { reason }]) => ({ path, reason }))
  }
}
