import type { Clock } from '../../common/clock.ts'
import type { Liveness } from '../liveness.ts'
import type { Peer } from '../registry.ts'
import type { EventRecorder } from './event.ts'

interface Dependencies {
  readonly events: EventRecorder
  readonly clock: Pick<Clock, 'monotonicMs'>
}

/** Records the coming and going of peers. A restart of the index alone is no event of its peers. */
export class PeerEvents {
  readonly #events: EventRecorder
  readonly #clock: Dependencies['clock']
  readonly #known = new Set<string>()
  /** Since when peers have been away, for those whose going was recorded. */
  readonly #awaySinceMs = new Map<string, number>()
  readonly #leftForGood = new Set<string>()

  constructor({ events, clock }: Dependencies) {
    this.#events = events
    this.#clock = clock
  }

  /** Takes the peers that the index knows when it starts. */
  load(peers: Iterable<Peer>): void {
    const nowMs = this.#clock.monotonicMs()
    for (const { peerId, state } of peers) {
      this.#known.add(peerId)
      if (state === 'dead') this.#awaySinceMs.set(peerId, nowMs)
    }
  }

  /** The peer reports that it stops; called before its state changes. */
  onLeave(peerId: string, { forGood }: { forGood: boolean }): void {
    if (forGood) this.#leftForGood.add(peerId)
    this.#events.record({ kind: 'peer-left', peerId, reason: forGood ? 'for good' : undefined })
  }

  onPeerChange({ peerId, state, isLost }: Peer, before: Liveness): void {
    const nowMs = this.#clock.monotonicMs()
    if (state === 'live') this.#onLive(peerId, nowMs)
    else if (before.state === 'live') {
      this.#awaySinceMs.set(peerId, nowMs)
      if (state === 'suspect') this.#events.record({ kind: 'peer-suspect', peerId })
    }
    if (state === 'unreachable' && before.state !== 'unreachable')
      this.#events.record({ kind: 'peer-unreachable', peerId })
    if (state === 'dead' && isLost && !before.isLost && !this.#leftForGood.delete(peerId)) {
      const awayMs = this.#awaySinceMs.get(peerId)
      this.#events.record({
        kind: 'peer-dead',
        peerId,
        durationMs: awayMs === undefined ? undefined : nowMs - awayMs,
      })
    }
  }

  #onLive(peerId: string, nowMs: number): void {
    const sinceMs = this.#awaySinceMs.get(peerId)
    this.#awaySinceMs.delete(peerId)
    this.#leftForGood.delete(peerId)
    if (!this.#known.has(peerId)) this.#events.record({ kind: 'peer-joined', peerId })
    else if (sinceMs !== undefined)
      this.#events.record({ kind: 'peer-returned', peerId, durationMs: nowMs - sinceMs })
    this.#known.add(peerId)
  }
}
