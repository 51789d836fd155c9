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

  constructor(options: { folder: string; startMs: number }) {
    this.folder = options.folder
    this.startMs = options.startMs
  }

  /** All files are listed from the first one on. */
  begin(): void {
    Object.assign(this, { total: 0, size: 0, isListed: false, done: 0, doneBytes: 0, failed: 0 })
    this.failures.length = 0
  }

  onFailed(name: string, error: AppError): void {
    this.failed += 1
    if (this.failures.length < limits.groupFailuresNamed) this.failures.push({ name, error })
  }
}
