import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { hasCode, reasonOf } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { type Announcement, AnnouncementPlan } from './announcement-plan.ts'
import type { Inventory } from './inventory.ts'

/** Unanswered announcements of a peer: the next ones are sent while the index writes. */
const announcementsInFlightMax = 4
/** First delay before resending an announcement that the index could not write. */
const announceAgainFirstMs = 500
/** Maximum of that delay. */
const announceAgainMaxMs = 15_000

interface Dependencies {
  readonly connection: Pick<Connection, 'request'>
  readonly inventory: Inventory
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Called with the last change sent so far; it decreases when some are sent again. */
  readonly onSent: (seq: number) => void
}

/** Keeps the index up to date over one connection. */
export class AnnouncementStream {
  readonly #dependencies: Dependencies
  readonly #plan: AnnouncementPlan
  readonly #unanswered = new Set<Promise<void>>()

  /** @param seenSeq the last change of the catalog that the index says it has */
  constructor(seenSeq: number, dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#plan = AnnouncementPlan.from({ seq: seenSeq, full: undefined }, dependencies.inventory)
  }

  /** The index has all changes up to this one. */
  get acknowledgedSeq(): number {
    return this.#plan.acknowledgedSeq
  }

  /**
   * Sends the changes that the index lacks, then new ones as they occur; never returns. Changes
   * that the index could not write to its disk are retried with back-off, because another
   * connection would not help.
   * @throws any other error of an announcement, or the signal's reason
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, log, onSent } = this.#dependencies
    const pace = { firstMs: announceAgainFirstMs, maxMs: announceAgainMaxMs }
    for (let failures = 1; ; failures++) {
      const before = this.#plan.acknowledgedCount
      try {
        await this.#announce(signal)
      } catch (error) {
        signal.throwIfAborted()
        if (!isDiskFailure(error)) throw error
        if (this.#plan.acknowledgedCount > before) failures = 1
        const details = { reason: reasonOf(error), failures }
        const text = 'the index could not write an announcement; it is retried'
        if (failures === 1) log.warn(details, text)
        else log.debug(details, text)
      }
      this.#plan.rewind()
      onSent(this.#plan.plannedSeq)
      await clock.sleep(backoffMs(failures, pace, random), signal)
    }
  }

  /**
   * Announces until an announcement fails. When it rejects, all announcements are answered or
   * abandoned.
   */
  async #announce(signal: AbortSignal): Promise<void> {
    const { inventory, clock, onSent } = this.#dependencies
    const failed = new AbortController()
    const isOver = AbortSignal.any([signal, failed.signal])
    const givenUp = new AbortController()
    const requests = {
      signal: AbortSignal.any([signal, givenUp.signal]),
      onFailure: (error: unknown): void => failed.abort(error),
    }
    const wakeUp = new WakeUp()
    let isChanged = false
    const cancel = inventory.onChange(() => {
      isChanged = true
      wakeUp.notify()
    })
    try {
      for (;;) {
        isChanged = false
        const announcements = this.#plan.next()
        for (const announcement of announcements) await this.#send(announcement, requests, isOver)
        onSent(this.#plan.plannedSeq)
        if (announcements.length > 0) continue
        await wakeUp.until(() => isChanged || undefined, isOver)
        await clock.sleep(deadlines.announceGroupMs, isOver)
      }
    } finally {
      cancel()
      // After a disk failure, the answers to the other announcements tell where to continue.
      if (!isDiskFailure(failed.signal.reason)) givenUp.abort()
      await Promise.all(this.#unanswered)
    }
  }

  /** Sends when fewer than the maximum are unanswered. */
  async #send(
    announcement: Announcement,
    requests: { signal: AbortSignal; onFailure: (error: unknown) => void },
    isOver: AbortSignal,
  ): Promise<void> {
    while (this.#unanswered.size >= announcementsInFlightMax) await Promise.race(this.#unanswered)
    isOver.throwIfAborted()
    const answered = this.#request(announcement, requests).finally(() =>
      this.#unanswered.delete(answered),
    )
    this.#unanswered.add(answered)
  }

  /** Never rejects; calls `onFailure` instead. */
  async #request(
    announcement: Announcement,
    { signal, onFailure }: { signal: AbortSignal; onFailure: (error: unknown) => void },
  ): Promise<void> {
    const { connection, inventory } = this.#dependencies
    try {
      const { seenSeq } = await connection.request('announce', announcement, { signal })
      this.#plan.acknowledge(announcement)
      inventory.seenByIndex(seenSeq)
    } catch (error) {
      onFailure(error)
    }
  }
}

/** Whether the index could not write to its disk. */
function isDiskFailure(error: unknown): boolean {
  return hasCode(error, 'DISK_FAILED') || hasCode(error, 'DISK_FULL')
}
