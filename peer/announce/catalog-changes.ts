import type { Clock } from '../../common/clock.ts'
import { type Announcement, AnnouncementPlan } from './announcement-plan.ts'
import type { Inventory } from './inventory.ts'

/**
 * How long removals are remembered after this peer's own index has heard of them, so that other
 * members, which hear of them later, need no full inventory.
 */
const removalsKeptMs = 600_000
/** Changes heard of are noted this often. */
const noteEveryMs = 10_000

/** How much of a catalog another peer has. */
export interface CatalogPosition {
  readonly seq: number
  /** Whether it has begun a full inventory and not ended it. */
  readonly isInventory: boolean
}

/** This peer's catalog in a mesh: announced to its own index, and read by other members. */
export class CatalogChanges implements Inventory {
  readonly #catalog: Inventory
  readonly #clock: Clock
  /** What the own index had heard of, and when; oldest first. */
  #heard: { readonly seq: number; readonly atMs: number }[] = []

  constructor(catalog: Inventory, { clock }: { clock: Clock }) {
    this.#catalog = catalog
    this.#clock = clock
  }

  get epoch(): string {
    return this.#catalog.epoch
  }

  get continues(): Inventory['continues'] {
    return this.#catalog.continues
  }

  get lastSeq(): number {
    return this.#catalog.lastSeq
  }

  get isComplete(): boolean {
    return this.#catalog.isComplete
  }

  changesSince(seq: number, limit: number): ReturnType<Inventory['changesSince']> {
    return this.#catalog.changesSince(seq, limit)
  }

  canResumeFrom(seq: number): boolean {
    return this.#catalog.canResumeFrom(seq)
  }

  onChange(listener: () => void): () => void {
    return this.#catalog.onChange(listener)
  }

  seenByIndex(seq: number): void {
    const nowMs = this.#clock.monotonicMs()
    const last = this.#heard.at(-1)
    if (last === undefined || nowMs - last.atMs >= noteEveryMs)
      this.#heard.push({ seq, atMs: nowMs })
    const old = this.#heard.findLast(({ atMs }) => nowMs - atMs >= removalsKeptMs)
    if (old === undefined) return
    this.#heard = this.#heard.filter(({ atMs }) => atMs > old.atMs)
    this.#catalog.seenByIndex(old.seq)
  }

  /** The next announcement to who has the catalog up to `position`; undefined if that is all. */
  after({ seq, isInventory }: CatalogPosition): Announcement | undefined {
    return AnnouncementPlan.from({ seq, full: isInventory ? 'rest' : undefined }, this).next()[0]
  }
}
