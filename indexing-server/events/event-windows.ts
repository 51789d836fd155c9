/**
 * Combines similar events in quick succession: policy without a clock. Events of one kind, peer,
 * other peer and reason share a window, which closes when none has followed for a while. Few
 * events remain single; more become one summary. What follows a colon in a reason is a detail: it
 * does not distinguish events, nor does a reason of a kind with own reasons.
 */
import { type EventKindRow, eventKinds } from '../../common/protocol/event-kinds.ts'
import type { NewEvent, RecordedEvent } from './event.ts'

/** A window closes this long after its last event: `events --follow` shows an event by then. */
const quietMs = 2_000
/** A window closes this long after its first event: at most this much is lost in a crash. */
const windowMs = 60_000
/** More events than this in a window become one summary. */
const singlesMax = 5
/** Windows open at a time; then all are closed. */
const windowsMax = 1_000

interface Window {
  readonly openedMs: number
  lastMs: number
  /** The first events. */
  readonly singles: RecordedEvent[]
  summary: RecordedEvent
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
      const opened = { openedMs: nowMs, lastMs: nowMs, singles: [single], summary: single }
      this.#windows.set(key, opened)
      return
    }
    window.lastMs = nowMs
    if (window.singles.length <= singlesMax) window.singles.push(single)
    window.summary = combined(window.summary, single)
  }

  /** Removes the windows that are closed by now and returns their events. */
  takeClosed(nowMs: number): RecordedEvent[] {
    const isClosed = ({ openedMs, lastMs }: Window): boolean =>
      nowMs - lastMs >= quietMs || nowMs - openedMs >= windowMs
    return this.#take(isClosed)
  }

  takeAll(): RecordedEvent[] {
    return this.#take(() => true)
  }

  #take(isClosed: (window: Window) => boolean): RecordedEvent[] {
    const closed = [...this.#windows].filter(([, window]) => isClosed(window))
    for (const [key] of closed) this.#windows.delete(key)
    const events = closed.flatMap(([, { singles, summary }]) =>
      singles.length > singlesMax ? [summary] : singles,
    )
    return events.toSorted((a, b) => a.timeMs - b.timeMs)
  }
}

function combined(summary: RecordedEvent, next: RecordedEvent): RecordedEvent {
  const { kind, peerId, otherPeerId, reason } = summary
  const cause = reason === next.reason ? reason : causeOf(summary)
  const startMs = Math.min(startOf(summary), startOf(next))
  const timeMs = Math.max(summary.timeMs, next.timeMs)
  const folder =
    next.name === undefined ? undefined : commonFolder(folderOf(summary), folderOf(next))
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

function folderOf({ name, folder }: RecordedEvent): string {
  return name === undefined ? (folder ?? '') : name.slice(0, Math.max(0, name.lastIndexOf('/')))
}

/** The deepest folder that contains both; '' for none. */
function commonFolder(one: string, other: string): string {
  let folder = one
  while (folder !== '' && folder !== other && !other.startsWith(`${folder}/`))
    folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))
  return folder
}

function boundedSum(one = 0, other = 0): number {
  return Math.min(Number.MAX_SAFE_INTEGER, one + other)
}

function definedOf(event: NewEvent): Omit<RecordedEvent, 'timeMs' | 'count'> {
  const defined = Object.entries(event).filter(([, value]) => value !== undefined)
  return Object.fromEntries(defined) as Omit<RecordedEvent, 'timeMs' | 'count'>
}
