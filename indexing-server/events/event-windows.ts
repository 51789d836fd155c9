/**
 * Combines similar events in quick succession: policy without a clock. Events of one kind, peer,
 * other peer and reason share a window, which closes when none has followed for a while. The first
 * few are recorded almost immediately; the longer a burst lasts, the longer the pauses between its
 * records. Few events per record remain single; more become one summary. What follows a colon in a reason is a detail: it
 * does not distinguish events, nor does a reason of a kind with own reasons.
 */
import { commonFolder, folderOf } from '../../common/common-folder.ts'
import { type EventKindRow, eventKinds } from '../../common/protocol/event-kinds.ts'
import type { NewEvent, RecordedEvent } from './event.ts'

/** A window closes this long after its last event. */
const quietMs = 2_000
/** How long an event waits for similar ones: pages show it within a second. */
const groupMs = 250
/** Factor between the pauses of a burst: 10,000 events in a minute become five records. */
const pauseFactor = 4
/** The longest pause: at most this much is lost in a crash. */
const pauseMaxMs = 60_000
/** More events than this in one record become a summary, and in a window lengthen its pauses. */
const singlesMax = 5
/** Windows open at a time; then all are closed. */
const windowsMax = 1_000

/** Events that are not recorded yet; at least one. */
interface Pending {
  readonly sinceMs: number
  /** The first of them. */
  readonly singles: RecordedEvent[]
  summary: RecordedEvent
}

interface Window {
  lastMs: number
  /** Events since it was opened. */
  count: number
  /** When it was opened or recorded last. */
  recordedMs: number
  /** From then to the next record. */
  pauseMs: number
  pending: Pending | undefined
}

/** Times named `nowMs` are monotonic; those of events are wall times. */
export class EventWindows {
  readonly #windows = new Map<string, Window>()

  get isEmpty(): boolean {
    return this.#windows.size === 0
  }

  /** Whether {@link takeAll} is due. */
  get isFull(): boolean {
    return this.#windows.size >= windowsMax
  }

  add(event: NewEvent, timeMs: number, nowMs: number): void {
    const { kind, peerId = '', otherPeerId = '' } = event
    const cause = causeOf(event)
    const key = `${kind}\n${peerId}\n${otherPeerId}\n${cause ?? ''}`
    const single = { ...definedOf(event), timeMs, count: 1 }
    const window = this.#windows.get(key)
    if (window === undefined) {
      const pending = withEvent(undefined, single, nowMs)
      const opened = { lastMs: nowMs, count: 1, recordedMs: nowMs, pauseMs: groupMs, pending }
      this.#windows.set(key, opened)
      return
    }
    window.lastMs = nowMs
    window.count++
    window.pending = withEvent(window.pending, single, nowMs)
  }

  /** Closes windows, and returns the events to be recorded by now. */
  takeDue(nowMs: number): RecordedEvent[] {
    const due: RecordedEvent[] = []
    for (const [key, window] of this.#windows) {
      const isQuiet = nowMs - window.lastMs >= quietMs
      if (isQuiet) this.#windows.delete(key)
      if (isQuiet || isDue(window, nowMs)) due.push(...recorded(window, nowMs))
    }
    return inOrder(due)
  }

  takeAll(): RecordedEvent[] {
    const all = [...this.#windows.values()].flatMap((window) => recorded(window, 0))
    this.#windows.clear()
    return inOrder(all)
  }
}

function isDue({ recordedMs, pauseMs, pending }: Window, nowMs: number): boolean {
  return nowMs - recordedMs >= pauseMs && nowMs - (pending?.sinceMs ?? nowMs) >= groupMs
}

function withEvent(pending: Pending | undefined, single: RecordedEvent, nowMs: number): Pending {
  if (pending === undefined) return { sinceMs: nowMs, singles: [single], summary: single }
  if (pending.singles.length <= singlesMax) pending.singles.push(single)
  pending.summary = combined(pending.summary, single)
  return pending
}

/** Removes what is pending from a window. */
function recorded(window: Window, nowMs: number): readonly RecordedEvent[] {
  const { pending } = window
  if (pending === undefined) return []
  window.pending = undefined
  window.recordedMs = nowMs
  if (window.count > singlesMax) window.pauseMs = Math.min(pauseMaxMs, window.pauseMs * pauseFactor)
  return pending.singles.length > singlesMax ? [pending.summary] : pending.singles
}

function inOrder(events: readonly RecordedEvent[]): RecordedEvent[] {
  return events.toSorted((a, b) => a.timeMs - b.timeMs)
}

function combined(summary: RecordedEvent, next: RecordedEvent): RecordedEvent {
  const { kind, peerId, otherPeerId, reason } = summary
  const cause = reason === next.reason ? reason : causeOf(summary)
  const startMs = Math.min(startOf(summary), startOf(next))
  const timeMs = Math.max(summary.timeMs, next.timeMs)
  const folder =
    next.name === undefined ? undefined : commonFolder(folderOfEvent(summary), folderOfEvent(next))
  return {
    kind,
    ...(peerId !== undefined && { peerId }),
    ...(otherPeerId !== undefined && { otherPeerId }),
    ...(cause !== undefined && { reason: cause }),
    timeMs,
    count: summary.count + 1,
    durationMs: timeMs - startMs,
    ...(folder !== undefined && folder !== '' && { folder }),
    ...(next.bytes !== undefined && { bytes: boundedSum(summary.bytes, next.bytes) }),
  }
}

/** The part of a reason that similar events share. */
function causeOf({ kind, reason }: Pick<NewEvent, 'kind' | 'reason'>): string | undefined {
  const row: EventKindRow = eventKinds[kind]
  return row.hasOwnReason === true ? undefined : reason?.split(':', 1)[0]
}

function startOf({ timeMs, durationMs = 0 }: RecordedEvent): number {
  return timeMs - durationMs
}

function folderOfEvent({ name, folder }: RecordedEvent): string {
  return name === undefined ? (folder ?? '') : folderOf(name)
}

function boundedSum(one = 0, other = 0): number {
  return Math.min(Number.MAX_SAFE_INTEGER, one + other)
}

function definedOf(event: NewEvent): Omit<RecordedEvent, 'timeMs' | 'count'> {
  const defined = Object.entries(event).filter(([, value]) => value !== undefined)
  return Object.fromEntries(defined) as Omit<RecordedEvent, 'timeMs' | 'count'>
}
