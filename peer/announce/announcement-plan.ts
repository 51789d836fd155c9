import { limits } from '../../common/limits.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import { cutChanges } from './cut-changes.ts'
import type { Inventory } from './inventory.ts'

export type Announcement = RequestOf<'announce'>

/** What was announced on one connection, and what comes next. */
export class AnnouncementPlan {
  readonly #inventory: Inventory
  /** `lastSeq` of the announcement before. */
  #previousSeq: number
  /** Of a full inventory: what comes next of it. */
  #full: 'begin' | 'rest' | undefined
  #plannedSeq: number

  /** @param seenSeq what the index said to have seen of this catalog */
  constructor(seenSeq: number, inventory: Inventory) {
    this.#inventory = inventory
    const canResume = inventory.canResumeFrom(seenSeq)
    this.#previousSeq = canResume ? seenSeq : 0
    this.#full = canResume ? undefined : 'begin'
    this.#plannedSeq = this.#previousSeq
  }

  /** All changes up to this one are in announcements that `next` has returned. */
  get plannedSeq(): number {
    return this.#plannedSeq
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
