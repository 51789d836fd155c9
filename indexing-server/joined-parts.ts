import type { BackgroundWork } from '../common/background.ts'
import { limits } from '../common/limits.ts'
import type { ChangeFeed } from './changes/change-feed.ts'
import { type CopyDesks, copyDesks } from './copy-desks.ts'
import { Decisions } from './decisions.ts'
import type { Doubts } from './doubts.ts'
import { PeerEvents } from './events/peer-events.ts'
import { Forgetter } from './forgetter.ts'
import type { TakeRelease } from './identities.ts'
import { IntentExchange } from './intent-exchange.ts'
import type { LookupMemory } from './known-files/lookup-memory.ts'
import type { NameSearch } from './name-search/name-search.ts'
import { PeerPlans } from './peer-plans.ts'
import type { ProofDeskOptions } from './proofs/proof-desk.ts'
import type { Unproven } from './proofs/unproven.ts'
import type { DialBack } from './reachability.ts'
import { Registry, type RegistryListener, type RegistryOptions } from './registry.ts'
import { DrainWatch } from './replication/drain-watch.ts'
import type { Factors } from './replication/factors.ts'
import { type SurveyPeer, surveyOver } from './replication/safety.ts'
import {
  type ReplicationDependencies,
  type ReplicationParts,
  type ReplicationSettings,
  replicationParts,
} from './replication-parts.ts'
import type { WriteHealth } from './write-health.ts'

type Settings = Omit<RegistryOptions, 'peersMax'> & ReplicationSettings & ProofDeskOptions

interface Dependencies extends ReplicationDependencies {
  readonly doubts: Doubts
  readonly unproven: Unproven
  readonly writes: Pick<WriteHealth, 'fault'>
  readonly factors: Factors
  readonly background: BackgroundWork
  readonly lookups: LookupMemory
  readonly names: Pick<NameSearch, 'onWritten'> | undefined
  readonly changes: Pick<ChangeFeed, 'touch'>
  readonly dialBack: DialBack
  readonly takeRelease: TakeRelease
}

export interface JoinedParts extends ReplicationParts, CopyDesks, AsyncDisposable {
  readonly registry: Registry
  readonly peerEvents: PeerEvents
  readonly unproven: Unproven
  readonly decisions: Decisions
  readonly exchange: IntentExchange
  readonly plans: PeerPlans
  readonly forgetter: Forgetter
  readonly survey: SurveyPeer
  readonly drains: DrainWatch
  start(): void
}

/** The parts of the index that call each other. None of them has started. */
export function joinedParts(settings: Settings, dependencies: Dependencies): JoinedParts {
  const { lookups, factors, changes, names } = dependencies
  const parts = replicationParts(settings, dependencies, () => registry)
  const { coordinator, replaced, relabels, trash } = parts
  const peerEvents = new PeerEvents(dependencies)
  const exchange = new IntentExchange({
    ...dependencies,
    isOneOfMany: dependencies.ownPeerId !== undefined,
    requests: () => registry.requests,
    decisions: () => decisions,
  })
  const listener = registryListener({ ...parts, peerEvents, exchange }, dependencies)
  const plans = plansWith(() => ({ registry, coordinator }), dependencies)
  const registryOptions = { ...settings, peersMax: limits.peersMax }
  const isDistrusted = (peerId: string): boolean => dependencies.unproven.isDistrusted(peerId)
  const trust = { listener, plans, isDistrusted }
  const registry = new Registry(registryOptions, { ...dependencies, ...trust })
  const desks = copyDesks(settings, { ...dependencies, ...parts, registry })
  const decisions = new Decisions({
    ...dependencies,
    onTouched(touched) {
      changes.touch('files', 'peers')
      lookups.forget(touched)
      names?.onWritten(touched.names)
      parts.onReleased(touched)
      replaced.onReplaced(touched.replaced)
      if (touched.intent.length > 0) exchange.onDecided()
    },
    appliers: {
      ...plans.appliers,
      replication(record, isLoading) {
        factors.apply(record)
        if (!isLoading) coordinator.onFactorsChanged(record.key)
      },
    },
  })
  const drains = drainParts({ ...dependencies, ...parts, registry, plans })
  return {
    ...parts,
    registry,
    peerEvents,
    plans,
    forgetter: new Forgetter({ ...dependencies, registry, decisions }),
    ...drains,
    ...desks,
    unproven: dependencies.unproven,
    decisions,
    exchange,
    start() {
      coordinator.start()
      for (const part of [replaced, drains.drains, relabels, trash, exchange, desks.proofs])
        part.start()
    },
    async [Symbol.asyncDispose]() {
      await desks.proofs[Symbol.asyncDispose]()
      registry[Symbol.dispose]()
      await trash[Symbol.asyncDispose]()
      await relabels[Symbol.asyncDispose]()
      await replaced[Symbol.asyncDispose]()
      await coordinator[Symbol.asyncDispose]()
    },
  }
}

function plansWith(
  parts: () => Pick<JoinedParts, 'registry' | 'coordinator'>,
  dependencies: Dependencies,
): PeerPlans {
  return new PeerPlans({
    ...dependencies,
    onChange(peerId) {
      const { registry, coordinator } = parts()
      dependencies.changes.touch('peers')
      registry.onPlan(peerId)
      coordinator.onPlan(peerId)
    },
  })
}

function drainParts({
  registry,
  plans,
  ...dependencies
}: Dependencies & Pick<JoinedParts, 'registry' | 'plans' | 'grants' | 'coordinator'>): Pick<
  JoinedParts,
  'survey' | 'drains'
> {
  const survey = surveyOver({
    ...dependencies,
    peerOf: (peerId) => registry.peerOf(peerId),
  })
  const drains = new DrainWatch({ ...dependencies, survey, draining: () => plans.draining })
  return { survey, drains }
}

function registryListener(
  {
    brake,
    peerEvents,
    coordinator,
    relabels,
    exchange,
  }: ReplicationParts & Pick<JoinedParts, 'peerEvents' | 'exchange'>,
  { lookups, changes }: Dependencies,
): RegistryListener {
  return {
    onPeerChange(peer, before) {
      changes.touch('files', 'peers')
      lookups.forgetAll()
      peerEvents.onPeerChange(peer, before)
      coordinator.onPeerChange(peer, before)
      if (peer.state === 'live') relabels.onLive(peer.peerId)
    },
    onRegistered(peerId, arrival) {
      changes.touch('peers')
      lookups.forgetAll()
      brake.onRegistered(peerId, arrival)
      coordinator.onRegistered(peerId)
      exchange.onRegistered(peerId, arrival.intent, arrival.otherIntent)
    },
    onAccusations: () => lookups.forgetAll(),
  }
}
