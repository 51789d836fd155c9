import { limits } from '../../common/limits.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { cutChanges } from './cut-changes.ts'
import type { Inventory } from './inventory.ts'

/** Size of an announcement's frame, so that a slow index never holds one frame for long. */
export const announceFrameBytesTarget = 256 * 1024

export type Announcement = RequestOf<'announce'>

/** How far the index has acknowledged the changes. */
interface Position {
  /** `lastSeq` of the previous announcement. */
  readonly seq: number
  /** Where to continue in a full inventory. */
  readonly full: 'begin' | 'rest' | undefined
}

/** What was announced on one connection, and what to announce next. */
export class AnnouncementPlan {
  readonly #inventory: Inventory
  /** `lastSeq` of the previous announcement. */
  #previousSeq: number
  /** Where to continue in a full inventory. */
  #full: 'begin' | 'rest' | undefined
  #plannedSeq: number
  #acknowledged: Position
  #acknowledgedCount = 0

  private constructor({ seq, full }: Position, inventory: Inventory) {
    this.#inventory = inventory
    this.#previousSeq = seq
    this.#full = full
    this.#plannedSeq = seq
    this.#acknowledged = { seq, full }
  }

  /**
   * Continues after what the other side has; with a full inventory if the changes since then do not
   * tell everything. Within an inventory (`full: 'rest'`), they do.
   */
  static from({ seq, full }: Position, inventory: Inventory): AnnouncementPlan {
    const continues = full === 'rest' || inventory.canResumeFrom(seq)
    return new AnnouncementPlan(continues ? { seq, full } : { seq: 0, full: 'begin' }, inventory)
  }

  /** All changes up to this one are in announcements that `next` has returned. */
  get plannedSeq(): number {
    return this.#plannedSeq
  }

  /** The index has all changes up to this one. */
  get acknowledgedSeq(): number {
    return this.#acknowledged.seq
  }

  get acknowledgedCount(): number {
    return this.#acknowledgedCount
  }

  /** The index has acknowledged an announcement that `next` returned; called in their order. */
  acknowledge({ begin, end, lastSeq }: Announcement): void {
    const before = begin === true ? 'rest' : this.#acknowledged.full
    this.#acknowledged = { seq: lastSeq, full: end === true ? undefined : before }
    this.#acknowledgedCount++
  }

  /** Continues with what the index has not acknowledged. */
  rewind(): void {
    this.#previousSeq = this.#acknowledged.seq
    this.#plannedSeq = this.#acknowledged.seq
    this.#full = this.#acknowledged.full
  }

  /** The next announcements, in order; empty if the index has been sent everything. */
  next(): Announcement[] {
    const { epoch, lastSeq, isComplete } = this.#inventory
    const changes = this.#inventory.changesSince(this.#previousSeq, limits.announceChangesSent)
    const isAll = changes.length < limits.announceChangesSent
    const parts = cutChanges(changes, {
      changesMax: limits.announceChangesSent,
      bytesTarget: announceFrameBytesTarget,
    })
    const isEnd = this.#full !== undefined && isAll && isComplete
    if (isEnd && parts.length === 0) parts.push([])
    const announcements = parts.map((part, index): Announcement => {
      const isLast = index === parts.length - 1
      const previousSeq = this.#previousSeq
      this.#previousSeq = isLast && isAll ? lastSeq : (part.at(-1)?.seq ?? lastSeq)
      const begin = this.#full === 'begin' && { begin: true }
      if (this.#full === 'begin') this.#full = 'rest'
      const end = isEnd && isLast && { end: true }
      return { epoch, ...begin, ...end, previousSeq, lastSeq: this.#previousSeq, changes: part }
    })
    if (isEnd) this.#full = undefined
    this.#plannedSeq = isAll ? lastSeq : this.#previousSeq
    return announcements
  }
}
