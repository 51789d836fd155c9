import type { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, toAppError } from '../../common/errors.ts'
import { parsePattern } from '../../common/name-query.ts'
import { unlessAborted } from '../../common/unless-aborted.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { ReadableCopy, ScrubCopies } from './scrub-copies.ts'
import type { ScrubPace } from './scrub-pace.ts'
import { ScrubThrottle } from './scrub-throttle.ts'

/** Checks that are remembered, the oldest forgotten first. */
const checksMax = 16
/** Copies that a check lists. */
const listedMax = 100
/** Names compared between two turns of the event loop. */
const namesPerTurn = 1_000

/** Copies that a user wants to be read now. */
export interface CopyCheck {
  readonly id: string
  readonly pattern: string
  state: 'running' | 'done' | 'failed'
  files: number
  bytes: number
  bad: number
  /** Copies that could not be read now. */
  unread: number
  /** The first bad and unread ones. */
  readonly listed: (Omit<ReadableCopy, 'path' | 'seq'> & {
    readonly verdict: 'bad' | 'away' | 'refused'
  })[]
  error?: AppError
}

interface Dependencies {
  readonly copies: ScrubCopies
  readonly work: BackgroundWork
  readonly peoplesBytes: () => number
  readonly bytesPerSecondMax: () => number
  readonly clock: Clock
}

/** Reads copies that a user names immediately, one check at a time. */
export class CopyChecks {
  readonly counts = { bytes: 0, bad: 0 }
  readonly #dependencies: Dependencies
  readonly #throttle: ScrubThrottle
  readonly #checks = new Map<string, CopyCheck>()
  readonly #waiting: CopyCheck[] = []
  readonly #changes = new WakeUp()
  #lastId = 0
  #isRunning = false

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    const pace = (): ScrubPace => ({
      total: { bytes: 0, files: 0 },
      read: { bytes: 0, files: 0 },
      passedMs: 0,
      passMs: 1,
      bytesPerSecondMax: dependencies.bytesPerSecondMax(),
      isHurried: true,
      isBusy: this.#throttle.isBusy,
    })
    this.#throttle = new ScrubThrottle({ ...dependencies, pace, changes: new WakeUp() })
  }

  /**
   * @param pattern a name, a folder or a glob; of copies of any kind
   * @throws AppError BUSY when too many wait
   */
  start(pattern: string): CopyCheck {
    if (this.#waiting.length >= checksMax / 2) throw new AppError('BUSY')
    const id = `check${++this.#lastId}`
    const counts = { files: 0, bytes: 0, bad: 0, unread: 0 }
    const check: CopyCheck = { id, pattern, state: 'running', ...counts, listed: [] }
    this.#checks.set(id, check)
    const [oldest] = this.#checks.keys()
    if (this.#checks.size > checksMax && oldest !== undefined) this.#checks.delete(oldest)
    this.#waiting.push(check)
    if (!this.#isRunning) {
      this.#isRunning = true
      this.#dependencies.work.start('check copies', (signal) => this.#runAll(signal))
    }
    return check
  }

  /** A check when it has ended, or after the time. @throws AppError CHECK_NOT_FOUND */
  async wait(id: string, waitMs: number, signal?: AbortSignal): Promise<CopyCheck> {
    const { clock } = this.#dependencies
    const check = this.#checks.get(id)
    if (check === undefined) throw new AppError('CHECK_NOT_FOUND', { id })
    const untilMs = clock.monotonicMs() + waitMs
    while (check.state === 'running' && clock.monotonicMs() < untilMs && !signal?.aborted)
      await this.#changes.next(signal, { clock, delayMs: untilMs - clock.monotonicMs() })
    return check
  }

  async #runAll(signal: AbortSignal): Promise<void> {
    try {
      // The copies end after this work.
      await unlessAborted(this.#dependencies.copies.ready, signal)
      for (let check = this.#waiting.shift(); check !== undefined; check = this.#waiting.shift()) {
        await this.#run(check, signal)
        this.#changes.notify()
      }
    } finally {
      this.#isRunning = false
    }
  }

  async #run(check: CopyCheck, signal: AbortSignal): Promise<void> {
    const { copies, clock } = this.#dependencies
    const { matches } = parsePattern(check.pattern)
    try {
      const { lastSeq } = copies
      let seen = 0
      for (
        let copy = copies.next(0, lastSeq);
        copy !== undefined;
        copy = copies.next(copy.seq, lastSeq)
      ) {
        signal.throwIfAborted()
        if (matches(copy.name)) await this.#read(check, copy, signal)
        else if (++seen % namesPerTurn === 0) await clock.sleep(0, signal)
      }
      check.state = 'done'
    } catch (error) {
      check.state = 'failed'
      check.error = toAppError(error)
    }
  }

  async #read(check: CopyCheck, copy: ReadableCopy, signal: AbortSignal): Promise<void> {
    const verdict = await this.#dependencies.copies.read(copy, {
      signal,
      pace: async (bytes) => {
        check.bytes += bytes
        this.counts.bytes += bytes
        await this.#throttle.rest({ bytes, files: 0 }, signal)
      },
    })
    check.files += 1
    if (verdict === 'good' || verdict === 'changed') return
    if (verdict === 'bad') {
      check.bad += 1
      this.counts.bad += 1
    } else check.unread += 1
    const { name, folder, owner } = copy
    if (check.listed.length < listedMax)
      check.listed.push({ name, folder, ...(owner !== undefined && { owner }), verdict })
  }
}
