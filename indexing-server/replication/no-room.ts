/** A content that fits on no peer. */
interface Lack {
  readonly sizeBytes: number
  readonly copies: number
  /** Live peers without a copy that lack only the space for it. */
  readonly peerIds: readonly string[]
}

/** What fits on no peer, and where space is missing. Sizes in bytes. */
export interface Shortage {
  readonly contents: number
  /** Of all copies that are missing for lack of space. */
  readonly bytes: number
  /** The least space that has to be added, on any of `peers`. */
  readonly addBytes: number
  /** Those that could hold them, the one with the most room first. */
  readonly peers: readonly { readonly peerId: string; readonly roomBytes: number }[]
}

/** The contents whose missing copies fit on no peer. */
export class NoRoom {
  readonly #lacks = new Map<number, Lack>()
  /** For each peer that lacks space, the number of contents. */
  readonly #peers = new Map<string, number>()
  #bytes = 0
  /** Not above the size of the smallest of them. */
  #smallestBytes = Infinity
  #lastPeerIds: readonly string[] = []

  get size(): number {
    return this.#lacks.size
  }

  set(contentId: number, lack: Lack): void {
    this.delete(contentId)
    const peerIds = this.#shared(lack.peerIds)
    this.#lacks.set(contentId, { ...lack, peerIds })
    this.#bytes += lack.sizeBytes * lack.copies
    this.#smallestBytes = Math.min(this.#smallestBytes, lack.sizeBytes)
    for (const peerId of peerIds) this.#peers.set(peerId, (this.#peers.get(peerId) ?? 0) + 1)
  }

  delete(contentId: number): void {
    const lack = this.#lacks.get(contentId)
    if (lack === undefined) return
    this.#lacks.delete(contentId)
    this.#bytes -= lack.sizeBytes * lack.copies
    for (const peerId of lack.peerIds) {
      const count = (this.#peers.get(peerId) ?? 0) - 1
      if (count > 0) this.#peers.set(peerId, count)
      else this.#peers.delete(peerId)
    }
  }

  /** Whether the smallest of the contents may fit now: all should be tried again. */
  mayFit(roomOf: (peerId: string) => number): boolean {
    return this.#peers.keys().some((peerId) => roomOf(peerId) >= this.#smallestBytes)
  }

  /** All of them are about to be tried again. */
  onRetry(): void {
    this.#smallestBytes = Infinity
  }

  /** @param roomOf the room of a peer in bytes */
  shortage(roomOf: (peerId: string) => number): Shortage | undefined {
    if (this.#lacks.size === 0) return undefined
    const peers = Array.from(this.#peers.keys(), (peerId) => ({
      peerId,
      roomBytes: roomOf(peerId),
    })).toSorted((a, b) => b.roomBytes - a.roomBytes || (a.peerId < b.peerId ? -1 : 1))
    const largestBytes = this.#lacks
      .values()
      .reduce((largest, { sizeBytes }) => Math.max(largest, sizeBytes), 0)
    const roomBytes = peers.reduce((sum, peer) => sum + peer.roomBytes, 0)
    // There may be enough room in total, but for no content in one place.
    const addBytes = Math.max(this.#bytes - roomBytes, largestBytes - (peers[0]?.roomBytes ?? 0), 1)
    return { contents: this.#lacks.size, bytes: this.#bytes, addBytes, peers }
  }

  /** Most contents lack the same peers: they share one list of them. */
  #shared(peerIds: readonly string[]): readonly string[] {
    const last = this.#lastPeerIds
    if (peerIds.length !== last.length || peerIds.some((peerId, index) => peerId !== last[index]))
      this.#lastPeerIds = peerIds
    return this.#lastPeerIds
  }
}
