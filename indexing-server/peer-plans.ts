import type { Clock } from '../common/clock.ts'
import { limits } from '../common/limits.ts'
import type { IntentAppliers } from './decisions.ts'

interface Dependencies {
  readonly clock: Clock
  /** Called after the plan for a peer has changed. */
  readonly onChange: (peerId: string) => void
}

/** What people decided about peers: which of them are drained, and which may be silent. */
export class PeerPlans {
  readonly #clock: Clock
  /** Since when they are drained, in wall time. */
  readonly #drains = new Map<string, number>()
  /** Until when they may be silent, in wall time. */
  readonly #maintenances = new Map<string, number>()
  /** Keeps what is decided. */
  readonly appliers: Pick<IntentAppliers, 'drain' | 'maintenance'>

  constructor({ clock, onChange }: Dependencies) {
    this.#clock = clock
    this.appliers = {
      drain: ({ key, value, changedMs }) => {
        if (value === null) this.#drains.delete(key)
        else this.#drains.set(key, changedMs)
        onChange(key)
      },
      maintenance: ({ key, value }) => {
        if (value === null) this.#maintenances.delete(key)
        else this.#maintenances.set(key, value.untilMs)
        onChange(key)
      },
    }
  }

  /** Peers that are drained. */
  get draining(): readonly string[] {
    return [...this.#drains.keys()]
  }

  isDraining(peerId: string): boolean {
    return this.#drains.has(peerId)
  }

  /** How long a peer has been drained; undefined if it is not. */
  drainingForMs(peerId: string): number | undefined {
    const sinceMs = this.#drains.get(peerId)
    return sinceMs === undefined ? undefined : Math.max(0, this.#clock.nowMs() - sinceMs)
  }

  /** How much longer a peer may be silent; undefined if it is not in maintenance. */
  maintenanceLeftMs(peerId: string): number | undefined {
    const untilMs = this.#maintenances.get(peerId)
    if (untilMs === undefined) return undefined
    // The clock may have been set back.
    const leftMs = Math.min(untilMs - this.#clock.nowMs(), limits.maintenanceMsMax)
    return leftMs > 0 ? leftMs : undefined
  }
}
