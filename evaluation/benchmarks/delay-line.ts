import type { Clock } from '../../common/clock.ts'

export interface LinkSpeed {
  /** From one end to the other. */
  readonly delayMs: number
  readonly bytesPerMs: number
}

/** The queue at its entry, as transmission time. */
const queueMs = 20

/** One direction of a link: bytes pass at its speed and arrive after its delay, in order. */
export class DelayLine {
  readonly #speed: LinkSpeed
  readonly #clock: Clock
  readonly #under: { readonly atMs: number; readonly deliver: () => void }[] = []
  /** When all queued bytes have been transmitted. */
  #freeAtMs = 0

  constructor(speed: LinkSpeed, dependencies: { clock: Clock }) {
    this.#speed = speed
    this.#clock = dependencies.clock
  }

  /** Calls `deliver` when the bytes have arrived. Resolves when the queue has room for more. */
  async pass(bytes: number, deliver: () => void): Promise<void> {
    const { delayMs, bytesPerMs } = this.#speed
    const nowMs = this.#clock.monotonicMs()
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + bytes / bytesPerMs
    this.#under.push({ atMs: this.#freeAtMs + delayMs, deliver })
    if (this.#under.length === 1) this.#wake()
    await this.#clock.sleep(this.#freeAtMs - nowMs - queueMs)
  }

  /** One timer for the first delivery: separate timers could fire out of order. */
  #wake(): void {
    const [first] = this.#under
    if (first === undefined) return
    this.#clock.after(first.atMs - this.#clock.monotonicMs(), () => {
      const nowMs = this.#clock.monotonicMs()
      while (this.#under[0] !== undefined && this.#under[0].atMs <= nowMs)
        this.#under.shift()?.deliver()
      this.#wake()
    })
  }
}
