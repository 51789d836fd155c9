import { limits } from '../../common/limits.ts'
import type { Fault } from '../problem-table.ts'

interface Alteration {
  readonly from: string
  readonly to: string
}

/**
 * Files whose bytes changed while their size, time and inode stayed: nothing that writes files as
 * programs do. What they hold now is shared, since it is what the disk has; a person should know.
 */
export class AlteredFiles {
  readonly #known = new Map<string, Alteration>()

  /**
   * A file that looks untouched held `before` and holds `now`.
   * @returns what to tell about it, for as long as it holds what it was altered to
   */
  judge(path: string, before: string, now: string): Fault | undefined {
    const known = this.#known.get(path)
    const from = known?.to === before ? known.from : before
    if (from === now) {
      this.#known.delete(path)
      return undefined
    }
    if (known !== undefined || this.#known.size < limits.fileProblemsMax)
      this.#known.set(path, { from, to: now })
    return { code: 'ALTERED', details: { from, to: now } }
  }

  has(path: string): boolean {
    return this.#known.has(path)
  }

  /** The file was written, or is gone. */
  forget(path: string): void {
    this.#known.delete(path)
  }
}
