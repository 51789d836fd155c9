import { backoffMs } from '../../common/backoff.ts'
import type { Random } from '../../common/random.ts'

/** After a lost connection: an index that was restarted is back soon, and waits for its peers. */
const soon = { firstMs: 250, maxMs: 2_000 }
/** An index that has been away for longer than this is looked for ever more seldom. */
const soonForMs = 60_000
/** The share of the time it has been away that a delay may then take: it is found within that much more. */
const awayShare = 1 / 30
const delayMsMax = 15_000
/** After a refusal, which only somebody's action ends. */
const refused = { firstMs: 5_000, maxMs: 30_000 }

export interface Away {
  /** Attempts that failed in a row, at least 1. */
  readonly failures: number
  /** For how long there has been no connection. */
  readonly awayMs: number
  /** Whether the index answers and does not take this peer. */
  readonly isRefused: boolean
}

/** How long to wait after a failed attempt to reach the index, in milliseconds; with jitter, see {@link backoffMs}. */
export function reconnectDelayMs({ failures, awayMs, isRefused }: Away, random: Random): number {
  if (isRefused) return backoffMs(failures, refused, random)
  if (awayMs <= soonForMs) return backoffMs(failures, soon, random)
  const maxMs = Math.min(delayMsMax, Math.max(soon.maxMs, awayMs * awayShare))
  return backoffMs(failures, { ...soon, maxMs }, random)
}

/** Attempts that people's questions may bring forward together, and how soon there is another one. */
const hurriedAtOnceMax = 5
const hurriedEveryMs = 2_000
/** Between two attempts while somebody waits for the connection. */
const hurriedPauseMs = 100

/** How much sooner than planned the index is tried because somebody waits for it: a few times, not all the time. */
export class Hurry {
  #used = 0
  #countedMs = 0

  /** The shortest pause between two attempts at this moment (monotonic), in milliseconds. */
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
