import type { Clock } from '../../common/clock.ts'
import { isDatabaseFailure } from '../../common/sqlite.ts'

export interface GroupCommitOptions {
  /** How long the first job of a group waits for others. */
  readonly delayMs: number
  /** A group of this weight is committed immediately. */
  readonly weightMax: number
}

/** Runs its argument within one transaction; `isDurable`: one that survives a power cut. */
export type Transaction = (work: () => void, isDurable: boolean) => void

interface Job {
  readonly run: () => unknown
  readonly isDurable: boolean
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Outcome {
  readonly result?: unknown
  readonly error?: unknown
  readonly hasFailed: boolean
}

/** An error of the job, not of the database: not to be reported as a fault of that. */
class Refused extends Error {
  constructor(cause: unknown) {
    super('the job failed', { cause })
  }
}

/**
 * Commits the writes of many callers in one transaction. A job that throws is rolled back alone; if
 * the database or the commit fails, the whole group fails.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #clock: Clock
  readonly #transaction: Transaction
  readonly #onCommitted: (weight: number) => void
  #jobs: Job[] = []
  #weight = 0
  #cancelTimer = (): void => {}

  constructor(
    options: GroupCommitOptions,
    dependencies: {
      clock: Clock
      transaction: Transaction
      /** Called after each commit. */
      onCommitted?: (weight: number) => void
    },
  ) {
    this.#options = options
    this.#clock = dependencies.clock
    this.#transaction = dependencies.transaction
    this.#onCommitted = dependencies.onCommitted ?? (() => {})
  }

  /**
   * Runs `job` in the next group; resolves with its result once the group is committed, durably if
   * requested.
   */
  add<T>(weight: number, job: () => T, { isDurable = false } = {}): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const settle = { resolve: resolve as (result: unknown) => void, reject }
    this.#jobs.push({ run: job, isDurable, ...settle })
    this.#weight += weight
    if (this.#weight >= this.#options.weightMax) this.flush()
    else if (this.#jobs.length === 1)
      this.#cancelTimer = this.#clock.after(this.#options.delayMs, () => this.flush())
    return promise
  }

  /** Commits all queued jobs now. */
  flush(): void {
    this.#cancelTimer()
    const jobs = this.#jobs
    if (jobs.length === 0) return
    const weight = this.#weight
    this.#jobs = []
    this.#weight = 0
    const [single] = jobs
    if (single !== undefined && jobs.length === 1) {
      this.#commitSingle(single, weight)
      return
    }
    let outcomes: Outcome[] = []
    try {
      const isDurable = jobs.some((job) => job.isDurable)
      this.#transaction(() => {
        outcomes = jobs.map((job) => this.#attempt(job))
      }, isDurable)
    } catch (error) {
      for (const job of jobs) job.reject(error)
      return
    }
    this.#onCommitted(weight)
    for (const [index, job] of jobs.entries()) {
      const outcome = outcomes[index]
      if (outcome?.hasFailed === false) job.resolve(outcome.result)
      else job.reject(outcome?.error)
    }
  }

  /**
   * A large announcement is a group of its own. Without a transaction within the transaction, the
   * database does not copy each page before its first change.
   */
  #commitSingle({ run, isDurable, resolve, reject }: Job, weight: number): void {
    let result: unknown
    try {
      this.#transaction(() => {
        try {
          result = run()
        } catch (error) {
          throw isDatabaseFailure(error) ? error : new Refused(error)
        }
      }, isDurable)
    } catch (error) {
      reject(error instanceof Refused ? error.cause : error)
      return
    }
    this.#onCommitted(weight)
    resolve(result)
  }

  /** An error rolls back that job alone, unless the database failed: then all fail. */
  #attempt(job: Job): Outcome {
    try {
      let result: unknown
      this.#transaction(() => {
        result = job.run()
      }, false)
      return { result, hasFailed: false }
    } catch (error) {
      if (isDatabaseFailure(error)) throw error
      return { error, hasFailed: true }
    }
  }
}
