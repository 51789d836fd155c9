import type { Cancel, Clock } from '../common/clock.ts'
import { deadlines, limits } from '../common/limits.ts'

/**
 * Peers that others caught sending bytes with a wrong hash. They are listed last, never left out: an
 * accusation may be a lie too, and whoever fetches checks every chunk anyway. Each is forgotten when
 * nobody repeats it for `deadlines.accusationMs`.
 */
export class Accusations implements Disposable {
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #accused = new Map<string, Cancel>()

  constructor(dependencies: { clock: Clock; onChange: () => void }) {
    this.#clock = dependencies.clock
    this.#onChange = dependencies.onChange
  }

  has(peerId: string): boolean {
    return this.#accused.has(peerId)
  }

  add(peerId: string): void {
    const cancel = this.#accused.get(peerId)
    if (cancel === undefined && this.#accused.size >= limits.peersMax) return
    cancel?.()
    const forget = this.#clock.after(deadlines.accusationMs, () => {
      this.#accused.delete(peerId)
      this.#onChange()
    })
    this.#accused.set(peerId, forget)
    if (cancel === undefined) this.#onChange()
  }

  [Symbol.dispose](): void {
    for (const cancel of this.#accused.values()) cancel()
    this.#accused.clear()
  }
}
