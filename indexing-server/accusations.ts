import type { Cancel, Clock } from '../common/clock.ts'
import { limits } from '../common/limits.ts'

/** How long a peer that sent wrong bytes is listed last: a bad disk is rarely replaced sooner. */
export const accusationMs = 3_600_000

interface Accused {
  /** The hosts that its accusers connected from: one machine may run any number of peers. */
  readonly hosts: Set<string>
  cancel: Cancel
}

/**
 * Peers that sent bytes with a wrong hash to requesters on two or more machines; a single accuser
 * may lie. They are listed last but never left out, since every requester verifies every chunk.
 * Each is forgotten after `accusationMs` without another accusation.
 */
export class Accusations implements Disposable {
  readonly #clock: Clock
  readonly #onChange: () => void
  readonly #accused = new Map<string, Accused>()

  constructor(dependencies: { clock: Clock; onChange: () => void }) {
    this.#clock = dependencies.clock
    this.#onChange = dependencies.onChange
  }

  has(peerId: string): boolean {
    return isListedLast(this.#accused.get(peerId))
  }

  /** The index itself has found that the peer lies. */
  convict(peerId: string): void {
    for (let witness = 0; witness < hostsNeeded; witness += 1)
      this.add(peerId, `the index ${witness}`)
  }

  add(peerId: string, accuserHost: string): void {
    const before = this.#accused.get(peerId)
    if (before === undefined && this.#accused.size >= limits.peersMax) return
    before?.cancel()
    const wasLast = isListedLast(before)
    const forget = this.#clock.after(accusationMs, () => {
      const wasListedLast = this.has(peerId)
      this.#accused.delete(peerId)
      if (wasListedLast) this.#onChange()
    })
    const accused = before ?? { hosts: new Set<string>(), cancel: forget }
    accused.cancel = forget
    if (accused.hosts.size < hostsNeeded) accused.hosts.add(accuserHost)
    this.#accused.set(peerId, accused)
    if (!wasLast && this.has(peerId)) this.#onChange()
  }

  [Symbol.dispose](): void {
    for (const { cancel } of this.#accused.values()) cancel()
    this.#accused.clear()
  }
}

const hostsNeeded = 2

function isListedLast(accused: Accused | undefined): boolean {
  return accused !== undefined && accused.hosts.size >= hostsNeeded
}
