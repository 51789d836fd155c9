import { limits } from '../../common/limits.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { cutChanges } from './cut-changes.ts'
import type { Inventory } from './inventory.ts'

export type Announcement = RequestOf<'announce'>

/** How far an index is. */
interface Position {
  /** `lastSeq` of the announcement before. */
  readonly seq: number
  /** Of a full inventory: what comes next of it. */
  readonly full: 'begin' | 'rest' | undefined
}

/** What was announced on one connection, and what comes next. */
export class AnnouncementPlan {
  readonly #inventory: Inventory
  /** `lastSeq` of the announcement before. */
  #previousSeq: number
  /** Of a full inventory: what comes next of it. */
  #full: 'begin' | 'rest' | undefined
  #plannedSeq: number
  #acknowledged: Position
  #acknowledgedCount = 0

  /** @param seenSeq what the index said to have seen of this catalog */
  constructor(seenSeq: number, inventory: Inventory) {
    this.#inventory = inventory
    const canResume = inventory.canResumeFrom(seenSeq)
    this.#previousSeq = canResume ? seenSeq : 0
    this.#full = canResume ? undefined : 'begin'
    this.#plannedSeq = this.#previousSeq
    this.#acknowledged = { seq: this.#previousSeq, full: this.#full }
  }

  /** All changes up to this one are in announcements that `next` has returned. */
  get plannedSeq(): number {
    return this.#plannedSeq
  }

  get acknowledgedCount(): number {
    return this.#acknowledgedCount
  }

  /** The index has this announcement, which `next` returned; called in their order. */
  acknowledge({ begin, end, lastSeq }: Announcement): void {
    const before = begin === true ? 'rest' : this.#acknowledged.full
    this.#acknowledged = { seq: lastSeq, full: end === true ? undefined : before }
    this.#acknowledgedCount++
  }

  /** What the index has not acknowledged comes next. */
  rewind(): void {
    this.#previousSeq = this.#acknowledged.seq
    this.#plannedSeq = this.#acknowledged.seq
    this.#full = this.#acknowledged.full
  }

  /** The next announcements, in order; none when there is nothing to say now. */
  next(): Announcement[] {
    const { epoch, lastSeq, isComplete } = this.#inventory
    const changes = this.#inventory.changesSince(this.#previousSeq, limits.announceChangesMax)
    const isAll = changes.length < limits.announceChangesMax
    const parts = cutChanges(changes, {
      changesMax: limits.announceChangesMax,
      bytesTarget: limits.announceFrameBytesTarget,
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
