import type { Clock } from './clock.ts'
import { hostKeyOf } from './protocol/host-share.ts'

/** Enough for a person who mistypes, and for a program that tries a few times with an old token. */
const burst = 10
const refillMs = 6_000
/** Bounds the memory; the host that failed least recently is forgotten first. */
export const attemptHostsMax = 4_096

/** Wrong tokens per host: after ten of them, one more every six seconds. */
export class Attempts {
  readonly #clock: Clock
  /** When the allowance of each host is whole again; least recently failed first. */
  readonly #wholeMs = new Map<string, number>()

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock
  }

  /** How long the host at this address must wait before its next attempt; 0 if it need not. */
  waitMs(address: string): number {
    const wholeMs = this.#wholeMs.get(hostKeyOf(address)) ?? 0
    return Math.max(0, wholeMs - this.#clock.monotonicMs() - (burst - 1) * refillMs)
  }

  failed(address: string): void {
    const host = hostKeyOf(address)
    const nowMs = this.#clock.monotonicMs()
    const wholeMs = Math.max(nowMs, this.#wholeMs.get(host) ?? 0) + refillMs
    this.#wholeMs.delete(host)
    this.#wholeMs.set(host, wholeMs)
    const [oldest] = this.#wholeMs.keys()
    if (this.#wholeMs.size > attemptHostsMax && oldest !== undefined) this.#wholeMs.delete(oldest)
  }

  get hosts(): number {
    return this.#wholeMs.size
  }
}
