import type { RequestOf } from '../common/protocol/messages.ts'
import type { Announced, Doubts } from './doubts.ts'
import type { EventRecorder } from './events/event.ts'
import type { IndexStore, StoredContent } from './store/store.ts'

interface Dependencies {
  readonly doubts: Doubts
  readonly store: Pick<IndexStore, 'contentsHashed'>
  /** How far a peer has announced its catalog; undefined if unknown. */
  readonly announcedBy: (peerId: string) => Announced | undefined
  /** Asks a connected peer to read its copies of a content. */
  readonly verify: (peerId: string, sha256: string) => void
  /** Receives contents of which a copy no longer counts, or counts again. */
  readonly onChange: (contentIds: readonly number[]) => void
  readonly events: EventRecorder
}

interface Accusation {
  readonly peerId: string
  readonly sha256: string
  readonly accuser: string
  readonly accuserHost: string
}

/** Has holders verify their copies in doubt, and reports when a copy counts again. */
export class DoubtDesk {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** The peer `accuser`, on `accuserHost`, received wrong bytes of a copy of `peerId`. */
  async accuse({ accuser, ...copy }: Accusation): Promise<void> {
    const { doubts, announcedBy, verify, events } = this.#dependencies
    const { peerId, sha256 } = copy
    const before = announcedBy(peerId)
    const held = await this.#heldContent(peerId, sha256)
    if (before === undefined || held === undefined) return
    if (!doubts.add({ ...copy, before })) return
    const { size: bytes, file } = held
    const name = file?.name
    events.record({ kind: 'blamed', peerId, otherPeerId: accuser, name, sha256, bytes })
    await this.#changed(sha256)
    verify(peerId, sha256)
  }

  /** An announcement may prove that the peer has read a copy in doubt. */
  async onAnnounced(peerId: string, { epoch, changes }: RequestOf<'announce'>): Promise<void> {
    for (const change of changes)
      if (
        change.op === 'put' &&
        change.damaged !== true &&
        this.#dependencies.doubts.onAnnounced(peerId, change.sha256, { epoch, seq: change.seq })
      )
        await this.#changed(change.sha256)
  }

  /** A peer that was away, or whose file was being written, is asked again. */
  async onHeartbeat(peerId: string): Promise<void> {
    const { doubts, verify } = this.#dependencies
    for (const sha256 of doubts.takeDue(peerId))
      if ((await this.#heldContent(peerId, sha256)) !== undefined) verify(peerId, sha256)
      else doubts.forget(peerId, sha256)
  }

  async #heldContent(peerId: string, sha256: string): Promise<StoredContent | undefined> {
    const contents = await this.#dependencies.store.contentsHashed(sha256)
    return contents.find(({ holders }) => holders.some((holder) => holder.peerId === peerId))
  }

  async #changed(sha256: string): Promise<void> {
    const contents = await this.#dependencies.store.contentsHashed(sha256)
    this.#dependencies.onChange(contents.map(({ contentId }) => contentId))
  }
}
