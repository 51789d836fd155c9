import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type { WakeUp } from '../../common/wake-up.ts'

/** Delay before retrying a failed report of current downloads. */
export const tellAgainMs = 1_000

interface TellerDependencies {
  /** The contents that this peer is downloading. */
  readonly unfinished: {
    readonly contents: readonly Content[]
    /** Woken when a fetch begins or ends. */
    readonly changes: Pick<WakeUp, 'next'>
  }
  /**
   * The connection to the index, as soon as there is one.
   * @throws why the index refuses this peer, or the signal's reason
   */
  connected(signal: AbortSignal): Promise<Pick<Connection, 'request' | 'onClosed'>>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Tells the index which contents this peer is downloading, so that others find it as a partial
 * source.
 */
export class FetchingTeller implements AsyncDisposable {
  readonly #dependencies: TellerDependencies
  readonly #work: BackgroundWork

  private constructor(dependencies: TellerDependencies) {
    this.#dependencies = dependencies
    this.#work = new BackgroundWork(dependencies)
  }

  static start(dependencies: TellerDependencies): FetchingTeller {
    const teller = new FetchingTeller(dependencies)
    teller.#work.start('tell what is downloaded', (signal) => teller.#run(signal))
    return teller
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work[Symbol.asyncDispose]()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    for (;;) {
      try {
        await this.#tell(signal)
      } catch (error) {
        signal.throwIfAborted()
        log.debug({ reason: reasonOf(error) }, 'the index was not told what is downloaded')
        await clock.sleep(tellAgainMs, signal)
      }
    }
  }

  /** Reports the current downloads, and each change of them, until the connection ends. */
  async #tell(signal: AbortSignal): Promise<void> {
    const { unfinished, clock } = this.#dependencies
    const connection = await this.#dependencies.connected(signal)
    const closed = new AbortController()
    connection.onClosed(() => closed.abort())
    const isOver = AbortSignal.any([signal, closed.signal])
    let told = ''
    while (!closed.signal.aborted) {
      signal.throwIfAborted()
      const contents = this.#contents
      if (keyOf(contents) !== told) await connection.request('fetching', { contents }, { signal })
      told = keyOf(contents)
      // The first of several is reported immediately: others are being told to fetch the same
      // content now.
      await clock.sleep(deadlines.announceGroupMs, signal)
      if (keyOf(this.#contents) === told) await unfinished.changes.next(isOver)
    }
  }

  get #contents(): Content[] {
    return this.#dependencies.unfinished.contents.slice(0, limits.unfinishedNamedMax)
  }
}

function keyOf(contents: readonly Content[]): string {
  return contents.map(({ sha256 }) => sha256).join()
}
