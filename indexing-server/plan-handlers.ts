import type { Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import type { Handlers } from '../common/protocol/handlers.ts'
import type { Decisions } from './decisions.ts'
import type { EventRecorder } from './events/event.ts'
import type { Forgetter } from './forgetter.ts'
import { checkOwnership } from './ownership.ts'
import type { PeerPlans } from './peer-plans.ts'
import type { Peer, Registry, Session } from './registry.ts'
import type { SurveyPeer } from './replication/safety.ts'

interface Dependencies {
  readonly registry: Pick<Registry, 'heard' | 'peerOf'>
  readonly plans: Pick<PeerPlans, 'isDraining' | 'maintenanceLeftMs'>
  readonly decisions: Pick<Decisions, 'decide'>
  readonly survey: SurveyPeer
  readonly forgetter: Pick<Forgetter, 'forget'>
  readonly events: EventRecorder
  readonly clock: Clock
}

export type PlanMessage = 'drain' | 'undrain' | 'maintain' | 'safety' | 'forget-peer'

/** Requests about the plan for a peer, which any registered peer may send about itself. */
export function planHandlers({
  registry,
  plans,
  decisions,
  survey,
  forgetter,
  events,
  clock,
}: Dependencies): Pick<Handlers<'peer' | 'client', 'index', Session>, PlanMessage> {
  const knownPeer = (peerId: string): Peer => {
    const peer = registry.peerOf(peerId)
    if (peer === undefined) throw new AppError('PEER_UNKNOWN', { peerId })
    return peer
  }
  return {
    async drain({ peerId }, session) {
      registry.heard(session, 'drain')
      checkOwnership(session, peerId, 'drain')
      knownPeer(peerId)
      const isNew = !plans.isDraining(peerId)
      await decisions.decide([{ kind: 'drain', key: peerId, value: true }])
      if (isNew) events.record({ kind: 'drain-began', peerId })
      return {}
    },
    async undrain({ peerId }, session) {
      registry.heard(session, 'undrain')
      checkOwnership(session, peerId, 'undrain')
      const wasDrained = plans.isDraining(peerId)
      if (!wasDrained) knownPeer(peerId)
      await decisions.decide([{ kind: 'drain', key: peerId, value: null }])
      if (wasDrained) events.record({ kind: 'drain-ended', peerId })
      return { wasDrained }
    },
    async maintain({ peerId, forMs }, session) {
      registry.heard(session, 'maintain')
      checkOwnership(session, peerId, 'maintain')
      const peer = knownPeer(peerId)
      if (forMs !== undefined && peer.isLost) throw new AppError('PEER_DEAD', { peerId })
      const wasInMaintenance = plans.maintenanceLeftMs(peerId) !== undefined
      const value = forMs === undefined ? null : { untilMs: Math.floor(clock.nowMs() + forMs) }
      await decisions.decide([{ kind: 'maintenance', key: peerId, value }])
      if (forMs !== undefined)
        events.record({ kind: 'maintenance-began', peerId, durationMs: forMs })
      else if (wasInMaintenance) events.record({ kind: 'maintenance-ended', peerId })
      return { wasInMaintenance }
    },
    async 'forget-peer'({ peerId, force = false }, session) {
      registry.heard(session, 'forget-peer')
      return await forgetter.forget(peerId, force)
    },
    async safety({ peerId, after }, _, signal) {
      knownPeer(peerId)
      return await survey(peerId, after, signal)
    },
  }
}
