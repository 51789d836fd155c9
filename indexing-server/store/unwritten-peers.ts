import { limits } from '../../common/limits.ts'
import type { Gone, Registration } from './store.ts'

/** What is known of a peer and not in the database yet; `gone` is later than `registration`. */
export interface UnwrittenPeer {
  readonly peerId: string
  readonly registration?: Registration
  readonly gone?: { readonly gone: Gone; readonly heardMs: number }
}

/**
 * Registrations and ends of peers that could not be written, at most `limits.peersMax`. Each is
 * replaced by the next one of its peer, and removed once written.
 */
export class UnwrittenPeers {
  readonly #peers = new Map<string, UnwrittenPeer>()

  /** The peer registered. Returns false if there is no room. */
  register(registration: Registration): boolean {
    return this.#set({ peerId: registration.peerId, registration })
  }

  /** The peer is gone. Returns false if there is no room. */
  end(peerId: string, gone: Gone, heardMs: number): boolean {
    return this.#set({ ...this.#peers.get(peerId), peerId, gone: { gone, heardMs } })
  }

  of(peerId: string): UnwrittenPeer | undefined {
    return this.#peers.get(peerId)
  }

  /** At most `limit`, the longest unwritten first. */
  some(limit: number): UnwrittenPeer[] {
    return [...this.#peers.values().take(limit)]
  }

  /** It is in the database; anything later is not. */
  onWritten(peer: UnwrittenPeer): void {
    if (this.#peers.get(peer.peerId) === peer) this.#peers.delete(peer.peerId)
  }

  /** The database has something newer, or the peer is forgotten. */
  forget(peerId: string): void {
    this.#peers.delete(peerId)
  }

  #set(peer: UnwrittenPeer): boolean {
    if (!this.#peers.has(peer.peerId) && this.#peers.size >= limits.peersMax) return false
    this.#peers.set(peer.peerId, peer)
    return true
  }
}
