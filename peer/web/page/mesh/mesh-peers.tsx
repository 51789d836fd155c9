import type { JSX } from 'preact'
import { sortedPeers, stateTones } from '../cluster/cluster-text.ts'
import { durationText, numberText, timeText } from '../format/units.ts'
import type { KnownPeer } from '../live/live-types.ts'
import { LoadingState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { formatRoute } from '../shell/route.ts'
import { type MeshColumn, MeshSection } from './mesh-section.tsx'

/** More than fit on a screen; the cluster view has all. */
const peersShown = 50
const columns: readonly MeshColumn[] = [
  { label: 'Peer' },
  { label: 'Address', isSecondary: true },
  { label: 'Last heartbeat' },
  { label: 'Since' },
  { label: 'Copies', isSecondary: true },
]

/** The members, with when each was last heard. */
export function MeshPeers(): JSX.Element {
  const { live, nowMs } = usePage()
  const known = live.peers.value
  const peers = sortedPeers(known?.values() ?? []).slice(0, peersShown)
  return (
    <MeshSection
      title="Peers"
      columns={columns}
      isEmpty={known === undefined}
      more={{ href: formatRoute({ view: 'cluster' }), label: 'All peers' }}
    >
      {known === undefined ? (
        <LoadingState lines={3} />
      ) : (
        peers.map((peer) => <PeerRow key={peer.peerId} peer={peer} nowMs={nowMs.value} />)
      )}
    </MeshSection>
  )
}

function PeerRow({
  peer,
  nowMs,
}: {
  readonly peer: KnownPeer
  readonly nowMs: number
}): JSX.Element {
  const { live } = usePage()
  const { peerId, state, host, port, heardMs, copies } = peer
  const isSelf = peerId === live.peerId.value
  return (
    <tr>
      <th scope="row">
        <span class="peer-name">
          <span class={`dot ${stateTones[state]}`} />
          <span class="cut">{peerId}</span>
          {state === 'live' ? (
            <span class="hidden-text">live</span>
          ) : (
            <span class={`badge ${stateTones[state]}`}>{state}</span>
          )}
          {isSelf && <span class="badge">this peer</span>}
        </span>
      </th>
      <td class="mono secondary">
        {host.includes(':') ? `[${host}]` : host}:{port}
      </td>
      <td>{timeText(heardMs)}</td>
      <td class="number">{secondsText(nowMs - heardMs)}</td>
      <td class="number secondary">{numberText(copies)}</td>
    </tr>
  )
}

/** Seconds up to a few minutes, since that is what tells a heartbeat that is late. */
function secondsText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  return seconds < 300 ? `${seconds} s` : durationText(ms)
}
