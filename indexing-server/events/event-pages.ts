import { thatFitFrame } from '../../common/protocol/frame-budget.ts'
import type { ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import type { IndexStore } from '../store/store.ts'

type EventStore = Pick<IndexStore, 'events' | 'createdMs'>

/** One page of recorded events. */
export async function eventPage(
  { after, before, ...filter }: RequestOf<'events'>,
  store: EventStore,
): Promise<ReplyOf<'events'>> {
  const page = await store.events({
    ...filter,
    after: after === undefined ? undefined : numberOf(after, store, 0),
    before: before === undefined ? undefined : numberOf(before, store, Number.MAX_SAFE_INTEGER),
  })
  const all = page.events.map(({ number, event }) => ({ ...event, number }))
  const shown = thatFitFrame(all)
  const isCut = shown.length < all.length
  const lastNumber = isCut ? shown.at(-1)?.number : undefined
  return {
    events: shown.map(({ number, ...event }) => ({ id: cursorOf(number, store), ...event })),
    next: cursorOf(lastNumber ?? page.lastRead, store),
    isMore: isCut || page.isMore,
    newest: cursorOf(page.newest, store),
  }
}

function cursorOf(number: number, { createdMs }: EventStore): string {
  return `${createdMs.toString(36)}-${number}`
}

/** The number in a cursor; `other` if another database gave it out. */
function numberOf(cursor: string, { createdMs }: EventStore, other: number): number {
  const [created, number] = cursor.split('-')
  return created === createdMs.toString(36) ? Number(number) : other
}
