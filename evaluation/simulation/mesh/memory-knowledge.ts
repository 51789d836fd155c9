import assert from 'node:assert/strict'
import type { MemberRecord } from '../../../common/protocol/mesh-messages.ts'
import type { Change } from '../../../common/protocol/messages.ts'
import type { Announcement } from '../../../common/protocol/registration-shapes.ts'
import type { Knowledge } from '../../../peer/mesh/knowledge.ts'

/** The files of one peer, with all changes ever made to them. They are the same wherever they are known. */
export class SimulatedCatalog {
  readonly peerId: string
  readonly epoch: string
  readonly #changes: Change[] = []
  readonly #pageMax: number
  /** The last page that was told, for all who read the same. */
  #page: Announcement | undefined

  /** @param options `pageMax`: changes per announcement */
  constructor({ peerId, epoch, pageMax }: { peerId: string; epoch: string; pageMax: number }) {
    this.peerId = peerId
    this.epoch = epoch
    this.#pageMax = pageMax
  }

  get lastSeq(): number {
    return this.#changes.length
  }

  addFile(): void {
    const seq = this.#changes.length + 1
    const sha256 = `${seq}`.padStart(64, '0')
    const name = `${this.peerId}/file-${seq}.bin`
    const content = { sha256, size: 1_000, chunkRoot: sha256 }
    this.#changes.push({ op: 'put', seq, kind: 'shared', name, ...content, modifiedMs: seq })
  }

  /** The changes after `seq`, up to `lastSeq`. */
  announcementAfter(seq: number, lastSeq: number): Announcement | undefined {
    const end = Math.min(lastSeq, seq + this.#pageMax)
    if (this.#page?.previousSeq === seq && this.#page.lastSeq === end) return this.#page
    const changes = this.#changes.slice(seq, end)
    const last = changes.at(-1)
    if (last === undefined) return undefined
    this.#page = { epoch: this.epoch, previousSeq: seq, lastSeq: last.seq, changes }
    return this.#page
  }
}

/** What one peer knows of all catalogs: how far. What the changes are is kept once for all peers. */
export class MemoryKnowledge implements Knowledge {
  readonly #own: SimulatedCatalog
  readonly #catalogs: ReadonlyMap<string, SimulatedCatalog>
  readonly #seen = new Map<string, { epoch: string; seq: number }>()

  /** @param catalogs of all runs of all peers, by epoch */
  constructor(own: SimulatedCatalog, catalogs: ReadonlyMap<string, SimulatedCatalog>) {
    this.#own = own
    this.#catalogs = catalogs
  }

  seenSeq(peerId: string, epoch: string): number {
    if (epoch === this.#own.epoch) return this.#own.lastSeq
    const seen = this.#seen.get(peerId)
    return seen?.epoch === epoch ? seen.seq : 0
  }

  /** Changes are remembered from the first on. */
  isWhole(): boolean {
    return true
  }

  isInventory(): boolean {
    return false
  }

  readAgain(peerId: string): void {
    this.#seen.delete(peerId)
  }

  announcementAfter(peerId: string, epoch: string, seq: number): Announcement | undefined {
    return this.#catalogs.get(epoch)?.announcementAfter(seq, this.seenSeq(peerId, epoch))
  }

  async apply({ peerId, epoch }: MemberRecord, announcement: Announcement): Promise<void> {
    const { previousSeq, lastSeq, changes } = announcement
    assert.equal(announcement.epoch, epoch)
    assert.equal(previousSeq, this.seenSeq(peerId, epoch), 'changes follow what is known')
    assert.equal(changes.at(-1)?.seq, lastSeq)
    this.#seen.set(peerId, { epoch, seq: lastSeq })
  }
}
