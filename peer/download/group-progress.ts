import type { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { SourceProgress } from '../fetch/transfer/source-crew.ts'

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
  readonly #sources: () => readonly SourceProgress[]

  /** @param options.sources those that send now */
  constructor(options: {
    folder: string
    startMs: number
    sources: () => readonly SourceProgress[]
  }) {
    this.folder = options.folder
    this.startMs = options.startMs
    this.#sources = options.sources
  }

  get sources(): readonly SourceProgress[] {
    return this.#sources()
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
