import type { Event } from '../../common/protocol/messages.ts'
import type { CallRequest } from '../api/calls.ts'
import type { EventPage } from '../api/cluster-shapes.ts'
import { eventKindsOf, eventText } from '../api/event-text.ts'

/** Two peers joined. Ids end with a number. */
export function twoEvents(): Event[] {
  return [
    { id: 'a-1', timeMs: 1_000, kind: 'peer-joined', peerId: 'peer1', count: 1 },
    { id: 'a-2', timeMs: 2_000, kind: 'peer-joined', peerId: 'peer2', count: 1 },
  ]
}

/** A page of `all`, oldest first, as the API returns it. */
export function eventPage(all: readonly Event[], request: CallRequest<'events'>): EventPage {
  const { limit, after, before = `a-${all.length + 1}`, kinds, peerId, sinceMs = 0 } = request
  const chosen = kinds === undefined ? undefined : eventKindsOf(kinds)
  const matching = all.filter(
    (event) =>
      event.timeMs >= sinceMs &&
      (chosen?.includes(event.kind) ?? true) &&
      (peerId === undefined || event.peerId === peerId),
  )
  const found =
    after === undefined
      ? matching.filter(({ id }) => numberIn(id) < numberIn(before)).toReversed()
      : matching.filter(({ id }) => numberIn(id) > numberIn(after))
  const events = found.slice(0, limit).map((event) => ({ ...event, text: eventText(event) }))
  const newest = all.at(-1)?.id ?? 'a-0'
  const isMore = found.length > events.length
  return { events, next: events.at(-1)?.id ?? after ?? newest, isMore, newest }
}

function numberIn(id: string): number {
  return Number(id.split('-')[1])
}
