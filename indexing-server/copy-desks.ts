import type { BackgroundWork } from '../common/background.ts'
import type { ChangeFeed } from './changes/change-feed.ts'
import { DoubtDesk } from './doubt-desk.ts'
import type { Doubts } from './doubts.ts'
import type { LookupMemory } from './known-files/lookup-memory.ts'
import { ProofDesk, type ProofDeskOptions } from './proofs/proof-desk.ts'
import type { Unproven } from './proofs/unproven.ts'
import type { Registry } from './registry.ts'
import type { ReplicationDependencies, ReplicationParts } from './replication-parts.ts'
import type { WriteHealth } from './write-health.ts'

/** The parts that find out whether copies are what their peers say. */
export interface CopyDesks {
  readonly doubts: DoubtDesk
  readonly proofs: ProofDesk
}

interface Dependencies
  extends ReplicationDependencies,
    Pick<ReplicationParts, 'coordinator' | 'duty'> {
  readonly registry: Registry
  readonly doubts: Doubts
  readonly unproven: Unproven
  readonly writes: Pick<WriteHealth, 'fault'>
  readonly background: BackgroundWork
  readonly lookups: LookupMemory
  readonly changes: Pick<ChangeFeed, 'touch'>
}

export function copyDesks(
  options: ProofDeskOptions,
  { registry, coordinator, lookups, changes, writes, ...dependencies }: Dependencies,
): CopyDesks {
  const onChange = (contentIds: readonly number[]): void => {
    changes.touch('files')
    lookups.forgetAll()
    lookups.forget({ names: [], contentIds })
    coordinator.onTouched(contentIds)
  }
  const doubts = new DoubtDesk({
    ...dependencies,
    announcedBy: (peerId) => registry.announcedBy(peerId),
    verify: (peerId, sha256) => registry.requests.verify(peerId, sha256),
    onChange,
  })
  const proofs = new ProofDesk(options, {
    ...dependencies,
    peers: { all: () => registry.all(), peerOf: (peerId) => registry.peerOf(peerId) },
    requests: registry.requests,
    // What peers announce meanwhile is not known, or does not mean anything yet.
    isPaused: () => coordinator.hold !== undefined || writes.fault !== undefined,
    blame: (peerId) => registry.convict(peerId),
    onChange,
    onTrust(peerId) {
      changes.touch('files', 'peers')
      lookups.forgetAll()
      coordinator.onPlan(peerId)
    },
  })
  return { doubts, proofs }
}
