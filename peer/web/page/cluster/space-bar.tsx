import type { JSX } from 'preact'
import { bytesText } from '../format/units.ts'
import type { Peer } from '../live/live-types.ts'
import { spaceOf } from './cluster-text.ts'

/** How full a disk is: copies of the cluster, then other files. */
export function SpaceBar({
  peer,
  isShort = false,
}: {
  readonly peer: Peer
  readonly isShort?: boolean
}): JSX.Element {
  const space = spaceOf(peer)
  const free = `${bytesText(peer.freeBytes)} free`
  if (space === undefined) return <span class="faint">{free}</span>
  const { cluster, other, tone, text } = space
  return (
    <span class="space" title={text}>
      <span class={`space-bar ${tone}`} aria-hidden="true">
        <span class="cluster" style={{ width: `${100 * cluster}%` }} />
        <span class="other" style={{ width: `${100 * other}%` }} />
      </span>
      <span class="cut soft">{isShort ? free : text}</span>
    </span>
  )
}
