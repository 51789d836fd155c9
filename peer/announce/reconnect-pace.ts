import { backoffMs } from '../../common/backoff.ts'
import type { Random } from '../../common/random.ts'

/** After a lost connection: a restarted index is back soon, and waits for its peers. */
const soon = { firstMs: 250, maxMs: 2_000 }
/** An index that has been away for longer than this is dialled at growing intervals. */
const soonForMs = 60_000
/** Such a delay, as a share of the time that the index has been away. */
const awayShare = 1 / 30
const delayMsMax = 15_000
/** After a refusal, which a person must resolve. */
const refused = { firstMs: 5_000, maxMs: 30_000 }

export interface Away {
  /** Consecutive failed attempts, 1 or more. */
  readonly failures: number
  /** Time without a connection. */
  readonly awayMs: number
  /** Whether the index answers but does not accept this peer. */
  readonly isRefused: boolean
}

/**
 * The delay after a failed attempt to reach the index, in milliseconds, with jitter: see {@link
 * backoffMs}.
 */
export function reconnectDelayMs({ failures, awayMs, isRefused }: Away, random: Random): number {
  if (isRefused) return backoffMs(failures, refused, random)
  if (awayMs <= soonForMs) return backoffMs(failures, soon, random)
  const maxMs = Math.min(delayMsMax, Math.max(soon.maxMs, awayMs * awayShare))
  return backoffMs(failures, { ...soon, maxMs }, random)
}

/** How many attempts user requests may bring forward in a row, and after what time one more. */
const hurriedAtOnceMax = 5
const hurriedEveryMs = 2_000
/** Between two attempts while a hurried caller waits for the connection. */
const hurriedPauseMs = 100

/** Limits how often the index is dialled early because a user waits for it. */
export class Hurry {
  #used = 0
  #countedMs = 0

  /** The shortest pause before the next attempt at this moment (monotonic), in milliseconds. */
  pauseMs(nowMs: number): number {
    this.#regain(nowMs)
    if (this.#used < hurriedAtOnceMax) return hurriedPauseMs
    return Math.max(hurriedPauseMs, this.#countedMs + hurriedEveryMs - nowMs)
  }

  /** An attempt was brought forward. */
  use(nowMs: number): void {
    this.#regain(nowMs)
    if (this.#used === 0) this.#countedMs = nowMs
    this.#used++
  }

  #regain(nowMs: number): void {
    const regained = Math.min(this.#used, Math.floor((nowMs - this.#countedMs) / hurriedEveryMs))
    if (regained <= 0) return
    this.#used -= regained
    this.#countedMs += regained * hurriedEveryMs
  }
}
