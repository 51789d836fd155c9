import type { ReplyOf } from '../common/protocol/messages.ts'
import type { Registry } from './registry.ts'
import type { Coordinator } from './replication/coordinator.ts'
import type { IndexStore } from './store/store.ts'
import type { WriteHealth } from './write-health.ts'

export interface StatusSources {
  readonly store: Pick<IndexStore, 'totals'>
  readonly registry: Pick<Registry, 'counts'>
  readonly coordinator: Pick<Coordinator, 'counts' | 'paused'>
  readonly writes: Pick<WriteHealth, 'fault'>
}

/**
 * The state of the cluster. Contents that replication has not judged yet count as below their
 * factor.
 */
export async function clusterStatus({
  store,
  registry,
  coordinator,
  writes,
}: StatusSources): Promise<ReplyOf<'status'>> {
  const { wanted } = await store.totals()
  const { counts, paused } = coordinator
  const { unreachable, ...peers } = registry.counts()
  const atFactor = Math.min(counts.atFactor, wanted)
  const status = {
    peers: unreachable > 0 ? registry.counts() : peers,
    contents: wanted,
    atFactor,
    belowFactor: wanted - atFactor,
    tasks: { waiting: counts.waiting, running: counts.running },
  }
  const { fault: degraded } = writes
  return {
    ...status,
    ...(paused !== undefined && { paused }),
    ...(degraded !== undefined && { degraded }),
  }
}
