import type { Clock } from '../../common/clock.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import { type Announcement, AnnouncementPlan } from './announcement-plan.ts'
import type { Inventory } from './inventory.ts'
import { Waiters } from './waiters.ts'

interface Dependencies {
  readonly connection: Pick<Connection, 'request'>
  readonly inventory: Inventory
  readonly clock: Clock
  /** Told how far the announcements that were sent reach. */
  readonly onSent: (seq: number) => void
}

/** Keeps the index up to date over one connection. */
export class AnnouncementStream {
  readonly #dependencies: Dependencies
  readonly #plan: AnnouncementPlan
  readonly #unanswered = new Set<Promise<void>>()
  readonly #failed = new AbortController()

  /** @param seenSeq what the index said to have seen of the catalog */
  constructor(seenSeq: number, dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#plan = new AnnouncementPlan(seenSeq, dependencies.inventory)
  }

  /**
   * Sends what the index lacks, then changes as they come; returns never.
   * @throws what an announcement was answered with, or the signal's reason
   */
  async run(signal: AbortSignal): Promise<void> {
    const { inventory, clock, onSent } = this.#dependencies
    const isOver = AbortSignal.any([signal, this.#failed.signal])
    const waiters = new Waiters()
    let isChanged = false
    const cancel = inventory.onChange(() => {
      isChanged = true
      waiters.notify()
    })
    try {
      for (;;) {
        isChanged = false
        const announcements = this.#plan.next()
        for (const announcement of announcements) await this.#send(announcement, isOver)
        onSent(this.#plan.plannedSeq)
        if (announcements.length > 0) continue
        await waiters.until(() => isChanged || undefined, isOver)
        await clock.sleep(deadlines.announceGroupMs, isOver)
      }
    } finally {
      cancel()
      this.#failed.abort()
      await Promise.all(this.#unanswered)
    }
  }

  /** Waits for room among the unanswered, then sends. */
  async #send(announcement: Announcement, isOver: AbortSignal): Promise<void> {
    while (this.#unanswered.size >= limits.announcementsInFlightMax)
      await Promise.race(this.#unanswered)
    isOver.throwIfAborted()
    const answered = this.#request(announcement, isOver).finally(() =>
      this.#unanswered.delete(answered),
    )
    this.#unanswered.add(answered)
  }

  /** Never rejects: a failure ends the stream. */
  async #request(announcement: Announcement, signal: AbortSignal): Promise<void> {
    const { connection, inventory } = this.#dependencies
    try {
      const { seenSeq } = await connection.request('announce', announcement, { signal })
      inventory.seenByIndex(seenSeq)
    } catch (error) {
      this.#failed.abort(error)
    }
  }
}
