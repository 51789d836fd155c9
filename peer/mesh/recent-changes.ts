import type { RequestOf } from '../../common/protocol/messages.ts'

type Announcement = RequestOf<'announce'>

/** Changes remembered of all peers together: about 30 MiB. */
const changesMax = 100_000

/**
 * The last changes of other peers' catalogs, to pass them on. Who lacks older ones asks their peer.
 */
export class RecentChanges {
  /** Keys are `peerId/epoch/previousSeq`; the oldest announcement first. */
  readonly #announcements = new Map<string, Announcement>()
  #count = 0

  /** @param announcement no part of a full inventory */
  add(peerId: string, announcement: Announcement): void {
    const key = keyOf(peerId, announcement.epoch, announcement.previousSeq)
    this.#delete(key)
    this.#announcements.set(key, announcement)
    this.#count += weightOf(announcement)
    for (const oldest of this.#announcements.keys()) {
      if (this.#count <= changesMax) return
      this.#delete(oldest)
    }
  }

  /** What follows `seq`; undefined if it is not remembered. */
  after(peerId: string, epoch: string, seq: number): Announcement | undefined {
    return this.#announcements.get(keyOf(peerId, epoch, seq))
  }

  /** Passes on nothing of a peer any longer. */
  forget(peerId: string): void {
    for (const key of this.#announcements.keys())
      if (key.startsWith(`${peerId}/`)) this.#delete(key)
  }

  #delete(key: string): void {
    const found = this.#announcements.get(key)
    if (found === undefined) return
    this.#announcements.delete(key)
    this.#count -= weightOf(found)
  }
}

function keyOf(peerId: string, epoch: string, seq: number): string {
  return `${peerId}/${epoch}/${seq}`
}

function weightOf({ changes }: Announcement): number {
  return changes.length + 1
}
