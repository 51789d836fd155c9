import type { HttpAddress, PeerInfo } from '../common/protocol/messages.ts'
import type { Reach } from './reachability.ts'
import type { Holdings } from './store/store.ts'

/** A known peer. */
export interface ListedPeer
  extends Pick<PeerInfo, 'peerId' | 'host' | 'port' | 'state' | 'freeBytes'> {
  readonly http?: HttpAddress | undefined
  readonly zone: string | undefined
  readonly diskBytes?: number | undefined
  readonly capacityBytes?: number | undefined
  readonly uploadBytesPerSecond?: number | undefined
  readonly downloadBytesPerSecond?: number | undefined
  readonly holdings: Holdings
}

/** Known peers in pages, sorted by id. */
export class PeerListing<Listed extends ListedPeer> {
  readonly #peers: ReadonlyMap<string, Listed>
  #sortedIds: readonly string[] | undefined

  constructor(peers: ReadonlyMap<string, Listed>) {
    this.#peers = peers
  }

  /** A peer was added or removed. */
  onMembers(): void {
    this.#sortedIds = undefined
  }

  /** At most `limit` peers after the id `after`. */
  page(after: string | undefined, limit: number): Listed[] {
    this.#sortedIds ??= [...this.#peers.keys()].toSorted()
    const ids = this.#sortedIds
    const start = after === undefined ? 0 : ids.findIndex((id) => id > after)
    const page = start === -1 ? [] : ids.slice(start, start + limit)
    return page.flatMap((id) => this.#peers.get(id) ?? [])
  }
}

/** What `peers` shows of a peer that has been silent for `silentMs`. */
export function peerInfoOf(peer: ListedPeer, silentMs: number, reach: Reach): PeerInfo {
  const { peerId, host, port, http, zone, state, holdings } = peer
  const { freeBytes, diskBytes, capacityBytes } = peer
  const { copies, bytes, replicaBytes } = holdings
  const isUnreachable = state === 'unreachable' && reach.name === 'unreachable'
  const info = { peerId, host, port, state, freeBytes, silentMs: Math.round(silentMs) }
  return {
    ...info,
    copies,
    bytes,
    replicaBytes,
    ...(diskBytes !== undefined && { diskBytes }),
    ...(capacityBytes !== undefined && { capacityBytes }),
    ...(http && { http }),
    ...(state === 'live' && loadOf(peer)),
    ...(zone !== undefined && { zone }),
    ...(isUnreachable && { unreachable: reach.reason.slice(0, 500) }),
  }
}

/** Of a peer that is not live, the load is unknown. */
function loadOf({
  uploadBytesPerSecond,
  downloadBytesPerSecond,
}: ListedPeer): Pick<PeerInfo, 'uploadBytesPerSecond' | 'downloadBytesPerSecond'> {
  return {
    ...(uploadBytesPerSecond !== undefined && { uploadBytesPerSecond }),
    ...(downloadBytesPerSecond !== undefined && { downloadBytesPerSecond }),
  }
}
