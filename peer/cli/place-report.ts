/** The lines of `status` about where copies are, could be, and go. */
import type { Status } from '../api/status-shapes.ts'
import { bytesText, countText } from './human-units.ts'
import { printable } from './printable.ts'
import { progressText } from './rebalance-command.ts'
import type { Style } from './style.ts'

export function placeLines({ moving, rebalance, noRoom, peer }: Status, style: Style): string[] {
  const { capacity } = peer
  return [
    ...(moving === undefined ? [] : [`Moving:    ${movingText(moving)}`]),
    ...(rebalance === undefined ? [] : [`Rebalance: ${progressText(rebalance)}`]),
    ...(noRoom === undefined ? [] : [style('red', `No room:   ${noRoomText(noRoom)}`)]),
    ...(capacity === undefined
      ? []
      : [
          `Capacity:  ${printable(peer.peerId)} offers ${bytesText(capacity.bytes)} to the cluster, of which ${bytesText(capacity.usedBytes)} are used`,
        ]),
  ]
}

function movingText({ zone, balance }: NonNullable<Status['moving']>): string {
  return [
    ...(zone > 0 ? [`${countText(zone, 'file')} to other zones`] : []),
    ...(balance > 0 ? [`${countText(balance, 'file')} to less full peers`] : []),
  ].join(', ')
}

function noRoomText({
  contents,
  bytes,
  addBytes,
  peers,
  peersInAll,
}: NonNullable<Status['noRoom']>): string {
  const places = peers.map(({ peerId, roomBytes }) =>
    roomBytes === 0
      ? `${printable(peerId)} is full`
      : `${printable(peerId)} has ${bytesText(roomBytes)}`,
  )
  const more = peersInAll - peers.length
  const others = more > 0 ? [`${countText(more, 'other peer')} with no more`] : []
  const fit = contents === 1 ? 'fits' : 'fit'
  const where = [...places, ...others].join(', ')
  return `${countText(contents, 'file')} (${bytesText(bytes)}) ${fit} on no peer: ${where}; add ${bytesText(addBytes)}`
}
