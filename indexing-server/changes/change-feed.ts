import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import {
  type AwaitedChanges,
  type ChangeTopic,
  changeTopics,
} from '../../common/protocol/change-messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'

/** Changes within this time are published together: four answers per second for each peer. */
const changesGroupMs = 250
/** Interval of comparing the status while peers wait: computing it takes about a millisecond. */
const statusCheckMs = 500

interface Dependencies {
  /** The state of the cluster, as `status` answers it. */
  readonly status: () => Promise<unknown>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Tells waiting peers which queries have other answers now. Each topic has a version; a cursor is
 * all versions. Parts of the index report changes with {@link touch}, which costs a set insertion;
 * the status, which depends on everything, is computed and compared. Without a waiting peer no timer
 * runs and nothing is computed.
 */
export class ChangeFeed implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  /** Distinguishes this run of the index from others. */
  readonly #run: string
  readonly #versions: Record<ChangeTopic, number> = { files: 0, peers: 0, status: 0, events: 0 }
  /** Changed, but not published yet. */
  readonly #touched = new Set<ChangeTopic>()
  readonly #published = new WakeUp()
  #publishedMs = Number.NEGATIVE_INFINITY
  #status = ''
  #statusMs = Number.NEGATIVE_INFINITY
  #waiters = 0
  #isPublishing = false

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    this.#run = randomId(dependencies.random)
  }

  /** Reports changes; returns immediately. */
  touch(...topics: readonly ChangeTopic[]): void {
    for (const topic of topics) this.#touched.add(topic)
  }

  /**
   * What has changed since a cursor, as soon as something has, or after `deadlines.changesWaitMs`.
   * @throws the signal's reason
   */
  async since(after: string | undefined, signal: AbortSignal): Promise<AwaitedChanges> {
    const { clock } = this.#dependencies
    const untilMs = clock.monotonicMs() + deadlines.changesWaitMs
    this.#waiters++
    try {
      if (clock.monotonicMs() - this.#publishedMs >= changesGroupMs) await this.#publish()
      this.#keepPublishing()
      for (;;) {
        signal.throwIfAborted()
        const topics = this.#changedSince(after)
        const delayMs = untilMs - clock.monotonicMs()
        if (topics.length > 0 || delayMs <= 0) return { cursor: this.#cursor, topics }
        await this.#published.next(signal, { clock, delayMs })
      }
    } finally {
      this.#waiters--
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  get #cursor(): string {
    return [this.#run, ...changeTopics.map((topic) => this.#versions[topic])].join('-')
  }

  #changedSince(cursor: string | undefined): ChangeTopic[] {
    const [run, ...versions] = cursor?.split('-') ?? []
    if (run !== this.#run) return [...changeTopics]
    return changeTopics.filter((topic, index) => this.#versions[topic] !== Number(versions[index]))
  }

  #keepPublishing(): void {
    if (this.#isPublishing) return
    this.#isPublishing = true
    this.#background.start('publish changes', async (signal) => {
      try {
        while (this.#waiters > 0) {
          await this.#dependencies.clock.sleep(changesGroupMs, signal)
          await this.#publish()
        }
      } finally {
        this.#isPublishing = false
      }
    })
  }

  async #publish(): Promise<void> {
    this.#publishedMs = this.#dependencies.clock.monotonicMs()
    await this.#compareStatus(this.#publishedMs)
    for (const topic of this.#touched) this.#versions[topic]++
    if (this.#touched.size === 0) return
    this.#touched.clear()
    this.#published.notify()
  }

  async #compareStatus(nowMs: number): Promise<void> {
    if (nowMs - this.#statusMs < statusCheckMs) return
    this.#statusMs = nowMs
    try {
      const status = withoutTimes(await this.#dependencies.status())
      if (status !== this.#status) this.touch('status')
      this.#status = status
    } catch (error) {
      this.#dependencies.log.debug({ reason: reasonOf(error) }, 'the status was not compared')
    }
  }
}

/** Durations change all the time; a reader extrapolates them. */
function withoutTimes(status: unknown): string {
  return JSON.stringify(status, (key, value: unknown) => (key.endsWith('Ms') ? undefined : value))
}
