import type { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'

/** How the download of many files goes. */
export class GroupProgress {
  /** Files that are known to belong to it, and what they take. */
  total = 0
  size = 0
  isListed = false
  done = 0
  doneBytes = 0
  /** What came from other peers. */
  networkBytes = 0
  failed = 0
  /** The first that failed. */
  readonly failures: { readonly name: string; readonly error: AppError }[] = []
  readonly folder: string
  readonly startMs: number
  endMs: number | undefined

  constructor({ folder, startMs }: { folder: string; startMs: number }) {
    this.folder = folder
    this.startMs = startMs
  }

  onFailed(name: string, error: AppError): void {
    this.failed += 1
    if (this.failures.length < limits.groupFailuresNamed) this.failures.push({ name, error })
  }
}
