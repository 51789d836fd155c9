import { setImmediate as turn } from 'node:timers/promises'

/** Longer frames take milliseconds to parse and to handle: announcements of hundreds of changes. */
const longFrameBytes = 32 * 1024

/** Work that can wait is done after so many of them. */
const framesBeforeOthers = 8

/**
 * Has the connections of a server handle one long frame per turn of the event loop, in order of arrival, so
 * that all others wait for one of them at most, however many arrive together.
 */
export class LongFrames {
  readonly #onTurnEnd: (callback: () => void) => void
  readonly #waiting: (() => void)[] = []
  #isTurnTaken = false

  /** @param onTurnEnd calls back when the event loop has looked at all other events */
  constructor(onTurnEnd: (callback: () => void) => void = setImmediate) {
    this.#onTurnEnd = onTurnEnd
  }

  /** Undefined if a frame of this length may be handled now; otherwise resolves when it may. */
  begin(bytes: number): Promise<void> | undefined {
    if (bytes <= longFrameBytes) return undefined
    if (this.#isTurnTaken) return new Promise((resolve) => this.#waiting.push(resolve))
    this.#isTurnTaken = true
    this.#onTurnEnd(() => this.#nextTurn())
    return undefined
  }

  /** A turn in which no frame waits, or the one after some that did: for work that can wait a moment. */
  async pause(): Promise<void> {
    await turn()
    for (let count = 0; count < framesBeforeOthers && this.#waiting.length > 0; count += 1)
      await turn()
  }

  #nextTurn(): void {
    const next = this.#waiting.shift()
    this.#isTurnTaken = next !== undefined
    if (next === undefined) return
    this.#onTurnEnd(() => this.#nextTurn())
    next()
  }
}
