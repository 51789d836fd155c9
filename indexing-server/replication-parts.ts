/** The parts of the index that decide about copies, and call each other. */
import type { Clock } from '../common/clock.ts'
import type { Log } from '../common/log.ts'
import type { Random } from '../common/random.ts'
import type { EventRecorder } from './events/event.ts'
import type { LookupMemory } from './known-files/lookup-memory.ts'
import { LoopTurns } from './loop-turns.ts'
import type { Peer, Registry } from './registry.ts'
import { BrakeWatch } from './replication/brake-watch.ts'
import { Coordinator, type CoordinatorOptions } from './replication/coordinator.ts'
import { DropChecks } from './replication/drop-checks.ts'
import { DropGrants } from './replication/drop-grants.ts'
import { type Duty, type DutyGate, dutyOfPeer, openGate, wholeDuty } from './replication/duty.ts'
import type { Healed } from './replication/open-needs.ts'
import { Relabels } from './replication/relabels.ts'
import { ReplacedVersions, type ReplacedVersionsOptions } from './replication/replaced-versions.ts'
import type { IndexStore, Touched } from './store/store.ts'
import { Trash, type TrashOptions } from './trash.ts'

export type ReplicationSettings = CoordinatorOptions &
  ReplacedVersionsOptions &
  TrashOptions &
  ConstructorParameters<typeof BrakeWatch>[0]

export interface ReplicationDependencies {
  readonly store: IndexStore
  readonly events: EventRecorder
  readonly onHealed: (healed: Healed) => void
  readonly lookups: Pick<LookupMemory, 'forget'>
  /** See {@link Coordinator}. */
  readonly pause: () => Promise<void>
  /** See {@link IndexingServerDependencies}. */
  readonly ownPeerId?: string | undefined
  readonly gate?: DutyGate | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface ReplicationParts {
  readonly coordinator: Coordinator
  readonly brake: BrakeWatch
  readonly drops: DropChecks
  readonly grants: DropGrants
  readonly duty: Duty
  readonly replaced: ReplacedVersions
  readonly relabels: Relabels
  readonly trash: Trash
  /** After a write, has contents judged, replicas moved and events recorded. */
  readonly onReleased: (touched: Touched) => void
}

/** @param registry the registry, which is created after these parts and is asked only later */
export function replicationParts(
  settings: ReplicationSettings,
  dependencies: ReplicationDependencies,
  registry: () => Registry,
): ReplicationParts {
  const all = (): ReturnType<Registry['all']> => registry().all()
  const peerOf: Registry['peerOf'] = (peerId) => registry().peerOf(peerId)
  const brake = new BrakeWatch(settings, { ...dependencies, peers: all })
  const grants = new DropGrants(dependencies)
  const { ownPeerId, gate = openGate } = dependencies
  const duty = ownPeerId === undefined ? wholeDuty : dutyOfPeer(ownPeerId, peerOf, gate)
  const coordinator = new Coordinator(settings, {
    ...dependencies,
    brake,
    duty,
    grants,
    peers: { all, peerOf },
    sendTasks: (peerId, tasks, signal) => registry().requests.sendTasks(peerId, tasks, signal),
    cancelTasks: (peerId, taskIds, signal) =>
      registry().requests.cancelTasks(peerId, taskIds, signal),
  })
  const drops = new DropChecks(settings, {
    ...dependencies,
    grants,
    peerOf,
    confirmCopies: (peerId, sha256s, options) =>
      registry().requests.confirmCopies(peerId, sha256s, options),
  })
  // In a mesh, each peer's own index has its replicas moved.
  const relabelled = (peerId: string): Peer | undefined =>
    ownPeerId === undefined || (peerId === ownPeerId && gate.isOpen()) ? peerOf(peerId) : undefined
  const relabels = new Relabels({
    ...dependencies,
    peers: () => (ownPeerId === undefined ? all() : [relabelled(ownPeerId) ?? []].flat()),
    peerOf: relabelled,
    relabel: (peerId, copies, options) => registry().requests.relabel(peerId, copies, options),
  })
  const onReleased = ({ contentIds, hasStrays, events }: Touched): void => {
    for (const event of events) dependencies.events.record(event)
    coordinator.onTouched(contentIds)
    if (hasStrays) relabels.onStrays()
  }
  const replaced = new ReplacedVersions(settings, {
    ...dependencies,
    peerOf,
    onForgotten: onReleased,
  })
  const trash = new Trash(settings, {
    ...dependencies,
    peerOf,
    restoreFile: (peerId, request) => registry().requests.restoreFile(peerId, request),
    onPurged(touched) {
      dependencies.lookups.forget(touched)
      onReleased(touched)
    },
    turns: new LoopTurns(),
  })
  return { coordinator, brake, drops, duty, grants, replaced, relabels, trash, onReleased }
}
