import type { AppError } from '../../common/errors.ts'

/** Failed files that a group names; users read no more. */
const groupFailuresNamed = 50

/** The progress of a download of many files. */
export class GroupProgress {
  /** The number and total size of the files that are known to belong to it. */
  total = 0
  size = 0
  isListed = false
  done = 0
  doneBytes = 0
  /** Received from other peers. */
  networkBytes = 0
  failed = 0
  /** The first failures. */
  readonly failures: { readonly name: string; readonly error: AppError }[] = []
  readonly folder: string
  readonly startMs: number
  endMs: number | undefined

  constructor(options: { folder: string; startMs: number }) {
    this.folder = options.folder
    this.startMs = options.startMs
  }

  /** Starts again with the first page. */
  begin(): void {
    Object.assign(this, { total: 0, size: 0, isListed: false, done: 0, doneBytes: 0, failed: 0 })
    this.failures.length = 0
  }

  onFailed(name: string, error: AppError): void {
    this.failed += 1
    if (this.failures.length < groupFailuresNamed) this.failures.push({ name, error })
  }
}
