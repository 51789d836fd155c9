import type { EventKind } from '../../common/protocol/event-kinds.ts'
import type { Database } from '../../common/sqlite.ts'
import type { RecordedEvent } from '../events/event.ts'

/** Events kept: some 20 MB, a month of a busy cluster. */
const eventsMax = 100_000
const eventMs = 30 * 86_400_000
/** Expired events removed per transaction: more than are added to a busy cluster's log. */
const expiredPerWrite = 256
/** Events read for one page: about 5 ms. */
const eventsReadMax = 5_000
/** Events are recorded up to this long after they happened, so they are not sorted by time. */
const recordedLateMs = 300_000

export interface EventQuery {
  readonly limit: number
  /** Events with higher numbers, in ascending order; without it, in descending order. */
  readonly after?: number | undefined
  /** Events with lower numbers. */
  readonly before?: number | undefined
  readonly kinds?: readonly EventKind[] | undefined
  /** In either role. */
  readonly peerId?: string | undefined
  /** A file, or a folder of files. */
  readonly name?: string | undefined
  readonly sinceMs?: number | undefined
}

/** Numbered in the order of recording, from 1. */
export interface NumberedEvent {
  readonly number: number
  readonly event: RecordedEvent
}

export interface EventPage {
  readonly events: readonly NumberedEvent[]
  /** The last event that was read, whether it matches or not. */
  readonly lastRead: number
  /** Whether there are more to read. */
  readonly isMore: boolean
  /** The number of the newest event, 0 if there was none. */
  readonly newest: number
}

const columns = {
  timeMs: 'time_ms',
  kind: 'kind',
  peerId: 'peer_id',
  otherPeerId: 'other_peer_id',
  name: 'name',
  folder: 'folder',
  sha256: 'sha256',
  count: 'count',
  bytes: 'bytes',
  durationMs: 'duration_ms',
  reason: 'reason',
} as const satisfies Record<keyof RecordedEvent, string>
const fields = Object.keys(columns) as (keyof RecordedEvent)[]

type Row = { readonly number: number; readonly timeMs: number } & {
  readonly [Field in keyof RecordedEvent]: RecordedEvent[Field] | null
}

/** The recorded events, bounded by number and age. */
export class EventTable {
  readonly #sql: ReturnType<typeof prepare>

  constructor(database: Database) {
    this.#sql = prepare(database)
  }

  /** Adds events and removes those that are too many or too old. */
  add(events: readonly RecordedEvent[], nowMs: number): void {
    for (const event of events)
      this.#sql.add.run(Object.fromEntries(fields.map((field) => [field, event[field] ?? null])))
    this.#sql.removeBeyond.run(eventsMax)
    this.#sql.removeOld.run({ beforeMs: Math.floor(nowMs - eventMs), limit: expiredPerWrite })
  }

  page(query: EventQuery): EventPage {
    const { after, before = Number.MAX_SAFE_INTEGER, limit, sinceMs = 0 } = query
    const rows =
      after === undefined
        ? this.#sql.before.all(before, eventsReadMax)
        : this.#sql.after.all(after, eventsReadMax)
    const events: NumberedEvent[] = []
    let lastRead = after ?? before
    let isMore = rows.length === eventsReadMax
    for (const row of rows as Row[]) {
      const isTooOld = after === undefined && row.timeMs < sinceMs - recordedLateMs
      if (events.length === limit || isTooOld) {
        isMore = !isTooOld
        break
      }
      lastRead = row.number
      const event = eventOf(row)
      if (matches(event, query)) events.push({ number: row.number, event })
    }
    return { events, lastRead, isMore, newest: this.#sql.newest.get() as number }
  }
}

function matches(
  { kind, peerId, otherPeerId, name, folder, timeMs }: RecordedEvent,
  query: EventQuery,
): boolean {
  const { kinds, sinceMs = 0 } = query
  if (timeMs < sinceMs || (kinds !== undefined && !kinds.includes(kind))) return false
  if (query.peerId !== undefined && query.peerId !== peerId && query.peerId !== otherPeerId)
    return false
  if (query.name === undefined) return true
  const path = name ?? folder
  return path === query.name || path?.startsWith(`${query.name}/`) === true
}

function eventOf(row: Row): RecordedEvent {
  const known = fields.filter((field) => row[field] !== null)
  return Object.fromEntries(known.map((field) => [field, row[field]])) as unknown as RecordedEvent
}

function prepare(database: Database) {
  const selected = fields.map((field) => `${columns[field]} as "${field}"`).join(', ')
  return {
    add: database.prepare(`
      insert into events (${Object.values(columns).join(', ')})
      values (${fields.map((field) => `@${field}`).join(', ')})`),
    removeBeyond: database.prepare(
      'delete from events where event_id <= (select max(event_id) from events) - ?',
    ),
    removeOld: database.prepare(`
      delete from events where time_ms < @beforeMs
        and event_id in (select event_id from events order by event_id limit @limit)`),
    after: database.prepare(`
      select event_id as number, ${selected} from events
      where event_id > ? order by event_id limit ?`),
    before: database.prepare(`
      select event_id as number, ${selected} from events
      where event_id < ? order by event_id desc limit ?`),
    newest: database
      .prepare(`select coalesce((select seq from sqlite_sequence where name = 'events'), 0)`)
      .pluck(),
  }
}
