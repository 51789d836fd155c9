import { limits } from '../../common/limits.ts'
import type { Fault } from '../problem-table.ts'

interface Alteration {
  readonly from: string
  readonly to: string
}

/**
 * Files whose bytes changed while size, time and inode stayed, which no ordinary write does. Their
 * present bytes are shared, because they are what the disk has, but the user should know.
 */
export class AlteredFiles {
  readonly #known = new Map<string, Alteration>()

  /**
   * A file that looks untouched had the content `before` and has `now`.
   * @returns the fault to report, as long as the file has the altered content
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

  /** The file was written or deleted. */
  forget(path: string): void {
    this.#known.delete(path)
  }
}
