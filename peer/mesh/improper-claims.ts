import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'

/** One line per host and minute: a liar cannot fill the log. */
const quietMs = 60_000
/** Hosts that are remembered: 200 bytes each. Beyond it the oldest are logged again. */
const hostsMax = 1_000

interface Reported {
  readonly loggedMs: number
  count: number
}

/** Logs what no honest member says, with its address, and otherwise ignores it. */
export class ImproperClaims {
  readonly #hosts = new Map<string, Reported>()
  readonly #clock: Clock
  readonly #log: Log

  constructor(dependencies: { clock: Clock; log: Log }) {
    this.#clock = dependencies.clock
    this.#log = dependencies.log
  }

  report({ peerId, host }: { peerId?: string | undefined; host: string }, why: string): void {
    const nowMs = this.#clock.monotonicMs()
    const reported = this.#hosts.get(host)
    if (reported !== undefined && nowMs - reported.loggedMs < quietMs) {
      reported.count += 1
      return
    }
    this.#hosts.delete(host)
    this.#hosts.set(host, { loggedMs: nowMs, count: 0 })
    for (const oldest of this.#hosts.keys()) {
      if (this.#hosts.size <= hostsMax) break
      this.#hosts.delete(oldest)
    }
    const before = reported?.count ?? 0
    this.#log.warn({ host, peerId, why, before }, 'improper claim in the mesh, ignored')
  }
}
