import type { RequestOf } from '../common/protocol/messages.ts'
import type { Announced, Doubts } from './doubts.ts'
import type { IndexStore } from './store/store.ts'

interface Dependencies {
  readonly doubts: Doubts
  readonly store: Pick<IndexStore, 'contentsHashed'>
  /** How far a peer has announced its catalog; undefined if unknown. */
  readonly announcedBy: (peerId: string) => Announced | undefined
  /** Asks a connected peer to read its copies of a content. */
  readonly verify: (peerId: string, sha256: string) => void
  /** Receives contents of which a copy no longer counts, or counts again. */
  readonly onChange: (contentIds: readonly number[]) => void
}

/** Has holders verify their copies in doubt, and reports when a copy counts again. */
export class DoubtDesk {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** A peer on `accuserHost` received wrong bytes of a copy of `peerId`. */
  async accuse(copy: { peerId: string; sha256: string; accuserHost: string }): Promise<void> {
    const { doubts, announcedBy, verify } = this.#dependencies
    const { peerId, sha256 } = copy
    const before = announcedBy(peerId)
    if (before === undefined || !(await this.#isHeld(peerId, sha256))) return
    if (!doubts.add({ ...copy, before })) return
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
      if (await this.#isHeld(peerId, sha256)) verify(peerId, sha256)
      else doubts.forget(peerId, sha256)
  }

  async #isHeld(peerId: string, sha256: string): Promise<boolean> {
    const contents = await this.#dependencies.store.contentsHashed(sha256)
    return contents.some(({ holders }) => holders.some((holder) => holder.peerId === peerId))
  }

  async #changed(sha256: string): Promise<void> {
    const contents = await this.#dependencies.store.contentsHashed(sha256)
    this.#dependencies.onChange(contents.map(({ contentId }) => contentId))
  }
}
