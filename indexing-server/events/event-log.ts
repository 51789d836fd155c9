import type { BackgroundWork } from '../../common/background.ts'
import type { Cancel, Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { oneLine } from '../../common/one-line.ts'
import type { IndexStore } from '../store/store.ts'
import type { EventRecorder, NewEvent, RecordedEvent } from './event.ts'
import { EventWindows } from './event-windows.ts'

/** Interval of writing events, while there are any: one transaction each. */
const writeEveryMs = 250
/** Events that wait for a database that cannot be written: 5 MB. The oldest are lost first. */
const unwrittenMax = 10_000

interface Dependencies {
  readonly store: Pick<IndexStore, 'addEvents'>
  /** Called after events were written. */
  readonly onRecorded: () => void
  readonly background: BackgroundWork
  readonly clock: Clock
  readonly log: Log
}

/**
 * Records events in the store, combined and in groups. Recording one costs a map access; what is
 * not written yet is lost if the process is killed.
 */
export class EventLog implements EventRecorder, AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #windows = new EventWindows()
  #unwritten: RecordedEvent[] = []
  #cancelTimer: Cancel | undefined

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  record(event: NewEvent): void {
    const { clock } = this.#dependencies
    this.#windows.add(bounded(event), Math.round(clock.nowMs()), clock.monotonicMs())
    if (this.#windows.isFull) this.#toWrite(this.#windows.takeAll())
    this.#writeLater()
  }

  #writeLater(): void {
    const { clock, background } = this.#dependencies
    this.#cancelTimer ??= clock.after(writeEveryMs, () => {
      this.#cancelTimer = undefined
      this.#toWrite(this.#windows.takeDue(clock.monotonicMs()))
      background.start('record events', () => this.#write())
    })
  }

  #toWrite(events: readonly RecordedEvent[]): void {
    this.#unwritten = [...this.#unwritten, ...events].slice(-unwrittenMax)
  }

  async #write(): Promise<void> {
    const events = this.#unwritten
    this.#unwritten = []
    const { store, onRecorded, log } = this.#dependencies
    try {
      if (events.length > 0) {
        await store.addEvents(events)
        onRecorded()
      }
    } catch (error) {
      log.debug({ reason: reasonOf(error), events: events.length }, 'events were not recorded')
      const since = this.#unwritten
      this.#unwritten = events
      this.#toWrite(since)
    }
    if (this.#unwritten.length > 0 || !this.#windows.isEmpty) this.#writeLater()
  }

  /** Writes what is left, if the database can be written. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#toWrite(this.#windows.takeAll())
    await this.#write()
    this.#cancelTimer?.()
  }
}

/** Durations are whole, and reasons one line. */
function bounded({ durationMs, reason, ...event }: NewEvent): NewEvent {
  return {
    ...event,
    ...(durationMs !== undefined && { durationMs: Math.max(0, Math.round(durationMs)) }),
    ...(reason !== undefined && { reason: oneLine(reason, limits.eventReasonCharactersMax) }),
  }
}
