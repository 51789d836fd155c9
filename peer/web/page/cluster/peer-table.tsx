import type { JSX } from 'preact'
import { agoText, bytesText, numberText, rateText } from '../format/units.ts'
import type { KnownPeer } from '../live/live-types.ts'
import { type Column, VirtualList } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'
import { notesOf, stateTones } from './cluster-text.ts'
import { SpaceBar } from './space-bar.tsx'

const columns: readonly Column[] = [
  { name: 'name', label: 'Peer' },
  { name: 'address', label: 'Address' },
  { name: 'zone', label: 'Zone' },
  { name: 'heard', label: 'Heartbeat', isNumber: true },
  { name: 'copies', label: 'Copies', isNumber: true },
  { name: 'rates', label: 'Sends', isNumber: true },
  { name: 'rates', label: 'Receives', isNumber: true },
  { name: 'disk', label: 'Disk' },
].map((column, index) => ({ ...column, name: `${column.name} c${index}` }))

interface PeerTableProps {
  readonly peers: readonly KnownPeer[]
  readonly openId: string | undefined
}

export function PeerTable({ peers, openId }: PeerTableProps): JSX.Element {
  const { route, go, live, nowMs } = usePage()
  return (
    <VirtualList
      label="Peers"
      layout="peers-list"
      columns={columns}
      rows={peers}
      keyOf={({ peerId }) => peerId}
      openKey={openId}
      cells={(peer) => cellsOf(peer, { nowMs: nowMs.value, ownId: live.peerId.value })}
      onOpen={({ peerId }) =>
        go({ view: 'cluster', query: { ...route.value.query, open: peerId } })
      }
    />
  )
}

function cellsOf(
  peer: KnownPeer,
  { nowMs, ownId }: { nowMs: number; ownId: string },
): JSX.Element[] {
  const { peerId, state, host, port, zone, heardMs, copies, bytes } = peer
  const { uploadBytesPerSecond = 0, downloadBytesPerSecond = 0 } = peer
  const isHere = state === 'live' || state === 'suspect'
  return [
    <span key="name" class="peer-name">
      <span class={`dot ${stateTones[state]}`} />
      <strong class="cut">{peerId}</strong>
      {state !== 'live' && <span class={`badge ${stateTones[state]}`}>{state}</span>}
      {state === 'live' && <span class="hidden-text">live</span>}
      {peerId === ownId && <span class="badge">this peer</span>}
      {notesOf(peer).map(({ tone, text }) => (
        <span key={text} class={`badge cut ${tone}`} title={text}>
          {text}
        </span>
      ))}
    </span>,
    <span key="address" class="mono cut">
      {host.includes(':') ? `[${host}]` : host}:{port}
    </span>,
    <span key="zone" class="cut">
      {zone ?? '–'}
    </span>,
    <span key="heard" class={isHere ? '' : 'faint'}>
      {agoText(nowMs - heardMs)}
    </span>,
    <span key="copies" title={bytesText(bytes)}>
      {numberText(copies)}
    </span>,
    <Rate key="up" value={isHere ? uploadBytesPerSecond : 0} />,
    <Rate key="down" value={isHere ? downloadBytesPerSecond : 0} />,
    <SpaceBar key="disk" peer={peer} isShort />,
  ]
}

function Rate({ value }: { readonly value: number }): JSX.Element {
  return value > 0 ? <span>{rateText(value)}</span> : <span class="faint">–</span>
}
