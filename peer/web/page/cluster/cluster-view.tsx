import type { JSX } from 'preact'
import { countText } from '../format/units.ts'
import { EmptyState, ErrorState, LoadingState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { sortedPeers } from './cluster-text.ts'
import { HealthCard } from './health-card.tsx'
import { PeerDrawer } from './peer-drawer.tsx'
import { PeerTable } from './peer-table.tsx'
import { RepairCard } from './repair-card.tsx'

/** The peers, and how well the files are kept. */
export function ClusterView(): JSX.Element {
  const { live, route } = usePage()
  const status = live.status.value
  const known = live.peers.value
  const { open } = route.value.query
  const peer = open === undefined ? undefined : known?.get(open)
  return (
    <div class="view" id="view" tabIndex={-1}>
      <div class="toolbar">
        <h1>Cluster</h1>
        <span class="soft" role="status">
          {status !== undefined && peersText(status.peers)}
        </span>
      </div>
      {status !== undefined && (
        <div class="cluster-cards">
          <HealthCard status={status} />
          {status.repair !== undefined && <RepairCard repair={status.repair} />}
        </div>
      )}
      {known === undefined ? (
        <div class="card fills">
          {live.clusterFailure.value === '' ? (
            <LoadingState />
          ) : (
            <ErrorState sentence={live.clusterFailure.value} onRetry={() => live.retry()} />
          )}
        </div>
      ) : known.size === 0 ? (
        <div class="card fills">
          <EmptyState icon="cluster" title="No peers">
            The index knows no peer yet.
          </EmptyState>
        </div>
      ) : (
        <PeerTable peers={sortedPeers(known.values())} openId={open} />
      )}
      {peer !== undefined && <PeerDrawer key={peer.peerId} peer={peer} />}
    </div>
  )
}

function peersText(peers: {
  live: number
  suspect: number
  unreachable?: number
  dead: number
}): string {
  const others = (['suspect', 'unreachable', 'dead'] as const)
    .map((state) => ({ state, count: peers[state] ?? 0 }))
    .filter(({ count }) => count > 0)
    .map(({ state, count }) => `${count} ${state}`)
  return [countText(peers.live, 'live peer'), ...others].join(' · ')
}
