import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'

export interface GroupCommitOptions {
  /** How long the first job of a group waits for company. */
  readonly delayMs: number
  /** A group of this weight is committed at once. */
  readonly weightMax: number
}

interface Job {
  readonly run: () => unknown
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Outcome {
  readonly result?: unknown
  readonly error?: unknown
}

/**
 * Commits the writes of many callers in one transaction. A job that throws is undone alone; when
 * the commit fails, all of its group fail.
 */
export class GroupCommit {
  readonly #options: GroupCommitOptions
  readonly #clock: Clock
  /** Runs its argument within one transaction. */
  readonly #transaction: (work: () => void) => void
  #jobs: Job[] = []
  #weight = 0
  #cancelTimer = (): void => {}

  constructor(
    options: GroupCommitOptions,
    dependencies: { clock: Clock; transaction: (work: () => void) => void },
  ) {
    this.#options = options
    this.#clock = dependencies.clock
    this.#transaction = dependencies.transaction
  }

  /** Runs `job` in the next group; resolves with its result once the group is committed. */
  add<T>(weight: number, job: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#jobs.push({ run: job, resolve: resolve as (result: unknown) => void, reject })
    this.#weight += weight
    if (this.#weight >= this.#options.weightMax) this.flush()
    else if (this.#jobs.length === 1)
      this.#cancelTimer = this.#clock.after(this.#options.delayMs, () => this.flush())
    return promise
  }

  /** Commits what waits, now. */
  flush(): void {
    this.#cancelTimer()
    const jobs = this.#jobs
    if (jobs.length === 0) return
    this.#jobs = []
    this.#weight = 0
    let outcomes: Outcome[] = []
    try {
      this.#transaction(() => {
        outcomes = jobs.map((job) => this.#attempt(job))
      })
    } catch (error) {
      for (const job of jobs) job.reject(error)
      return
    }
    for (const [index, job] of jobs.entries()) {
      const outcome = outcomes[index]
      if (outcome?.error === undefined) job.resolve(outcome?.result)
      else job.reject(outcome.error)
    }
  }

  /** An operating error is the job's own; anything else, such as a full disk, is everybody's. */
  #attempt(job: Job): Outcome {
    try {
      let result: unknown
      this.#transaction(() => {
        result = job.run()
      })
      return { result }
    } catch (error) {
      if (error instanceof AppError) return { error }
      throw error
    }
  }
}
