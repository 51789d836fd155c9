import { backoffMs } from '../../../common/backoff.ts'
import type { Clock } from '../../../common/clock.ts'
import { reasonOf } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import type { Random } from '../../../common/random.ts'

/**
 * From the start of a fetch to asking for other downloaders: all that started together have
 * reported by then.
 */
export const swarmQuestionMs = 50

interface QuestionOptions {
  /** Asks the index; without it no question is asked. */
  readonly moreSources?: ((signal: AbortSignal) => Promise<readonly Source[]>) | undefined
  /** Whether to ask again and again, or once. */
  readonly waits: boolean
  readonly signal: AbortSignal
  /** Called with an answer, before the question counts as answered. */
  readonly onAnswer: (sources: readonly Source[]) => void
}

/** Between two questions because sources are missing. */
const missingBackoff = { firstMs: 1_000, maxMs: 30_000 }
/** With fewer usable sources than this, sources are missing, if the fetch waits for them. */
const sourcesWanted = 2
/** Between two questions for other peers that fetch the same content: they may have begun at the same moment. */
const swarmBackoff = { firstMs: 2 * swarmQuestionMs, maxMs: 30_000 }

/** The questions of one fetch for more sources: when sources are missing, and for others that fetch the same. */
export class SourceQuestions implements Disposable {
  readonly #options: QuestionOptions
  readonly #clock: Clock
  readonly #random: Random
  readonly #stop = new AbortController()
  #isAsking = false
  #missingCount = 0
  #missingAtMs = 0
  #swarmCount = 0
  #swarmAtMs: number
  #failure: string | undefined

  constructor(options: QuestionOptions, { clock, random }: { clock: Clock; random: Random }) {
    this.#options = options
    this.#clock = clock
    this.#random = random
    this.#swarmAtMs = clock.monotonicMs() + swarmQuestionMs
  }

  get isAsking(): boolean {
    return this.#isAsking
  }

  /** Whether the first question because sources are missing is yet to be asked or answered. */
  get isFirstOpen(): boolean {
    const isFirst = this.#missingCount === 0 || (this.#missingCount === 1 && this.#isAsking)
    return this.#options.moreSources !== undefined && isFirst
  }

  /** Why the last question failed. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Until the next question for others that fetch the same; 0 when it is due. */
  get dueInMs(): number {
    return Math.max(0, this.#swarmAtMs - this.#clock.monotonicMs())
  }

  /**
   * Asks, if it is time to; less and less often.
   * @param usable sources that work or may be started
   * @returns the end of the question, which never rejects; undefined when nothing is asked
   */
  ask(state: { usable: number; chunksMissing: number }): Promise<void> | undefined {
    const { moreSources } = this.#options
    if (moreSources === undefined || this.#isAsking || !this.#isTime(state)) return undefined
    return this.#ask(moreSources)
  }

  /** Ends the open question: a slow index is not waited for. */
  [Symbol.dispose](): void {
    this.#stop.abort()
  }

  #isTime({ usable, chunksMissing }: { usable: number; chunksMissing: number }): boolean {
    const { waits } = this.#options
    const nowMs = this.#clock.monotonicMs()
    const mayAsk = (waits || this.#missingCount === 0) && nowMs >= this.#missingAtMs
    if (mayAsk && usable < (waits ? sourcesWanted : 1)) {
      this.#missingCount += 1
      this.#missingAtMs = nowMs + backoffMs(this.#missingCount, missingBackoff, this.#random)
      return true
    }
    const isWorthwhile = chunksMissing > limits.readsPerSourceMin
    if (nowMs < this.#swarmAtMs || usable >= limits.sourcesPerFetchMax || !isWorthwhile)
      return false
    this.#swarmCount += 1
    this.#swarmAtMs = nowMs + backoffMs(this.#swarmCount, swarmBackoff, this.#random)
    return true
  }

  async #ask(moreSources: NonNullable<QuestionOptions['moreSources']>): Promise<void> {
    const { signal, onAnswer } = this.#options
    this.#isAsking = true
    try {
      onAnswer(await moreSources(AbortSignal.any([signal, this.#stop.signal])))
      this.#failure = undefined
    } catch (error) {
      this.#failure = reasonOf(error)
    } finally {
      this.#isAsking = false
    }
  }
}
