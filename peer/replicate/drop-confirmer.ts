import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError } from '../../common/errors.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { ReplicaVersion } from '../../common/protocol/messages.ts'

/** What confirming needs of the peer's connection to the index. */
export interface DropLink {
  /**
   * Asks whether these copies, at most `tasksPerRequestMax`, may be removed now.
   * @returns the answer for each, in the same order
   */
  confirmDrops(copies: ReplicaVersion[], signal: AbortSignal): Promise<readonly boolean[]>
}

interface Waiting {
  readonly copy: ReplicaVersion
  readonly resolve: (mayDrop: boolean) => void
  readonly reject: (error: unknown) => void
}

/**
 * Asks the index whether copies may be removed. Copies that are added during one request are sent
 * in the next.
 */
export class DropConfirmer implements AsyncDisposable {
  readonly #link: DropLink
  readonly #clock: Clock
  readonly #background: BackgroundWork
  #waiting: Waiting[] = []
  #isAsking = false

  constructor(dependencies: { link: DropLink; clock: Clock; log: Log }) {
    this.#link = dependencies.link
    this.#clock = dependencies.clock
    this.#background = new BackgroundWork(dependencies)
  }

  /**
   * @throws AppError if the index does not answer in time, and nothing may be removed; the signal's
   *   reason
   */
  async confirm(copy: ReplicaVersion, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<boolean>()
    this.#waiting.push({ copy, resolve, reject })
    if (!this.#isAsking) {
      this.#isAsking = true
      this.#background.start('confirm drops', (ending) => this.#askAll(ending))
    }
    return await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
    for (const { reject } of this.#waiting.splice(0)) reject(new AppError('STOPPING'))
  }

  async #askAll(signal: AbortSignal): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, limits.tasksPerRequestMax)
      try {
        const confirmed = await this.#ask(group, signal)
        for (const [index, { resolve }] of group.entries()) resolve(confirmed[index] === true)
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#isAsking = false
  }

  async #ask(group: readonly Waiting[], signal: AbortSignal): Promise<readonly boolean[]> {
    const deadline = { what: 'Confirming drops', deadlineMs: deadlines.requestMs, signal }
    const copies = group.map(({ copy }) => copy)
    return await withDeadline(deadline, this.#clock, (inTime) =>
      this.#link.confirmDrops(copies, inTime),
    )
  }
}
