import { expect, test } from 'vitest'
import type { RecordedEvent } from '../events/event.ts'
import type { OpenedStore, OpenStore } from './store-fixture-contract.ts'

/** When the clock of the store starts. */
const startMs = Date.UTC(2026, 0, 1)

/** An event this long after the start. */
const event = (sinceStartMs: number, fields: Partial<RecordedEvent> = {}): RecordedEvent => ({
  kind: 'copied',
  peerId: 'peer2',
  otherPeerId: 'peer1',
  name: `photos/${sinceStartMs}.jpg`,
  count: 1,
  timeMs: startMs + sinceStartMs,
  ...fields,
})

async function timesOf(
  { store }: OpenedStore,
  query: Partial<Parameters<OpenedStore['store']['events']>[0]> = {},
): Promise<number[]> {
  const { events } = await store.events({ limit: 100, ...query })
  return events.map((found) => found.event.timeMs - startMs)
}

/** What every store must do with recorded events. */
export function eventsContract(open: OpenStore): void {
  recordedEvents(open)
  filteredEvents(open)
}

function recordedEvents(open: OpenStore): void {
  test('events outlive the store as they were recorded, newest first or after a number', async () => {
    await using opened = await open()
    const { name: _, ...unnamed } = event(5)
    const full = {
      ...unnamed,
      folder: 'photos',
      sha256: 'a'.repeat(64),
      bytes: Number.MAX_SAFE_INTEGER,
      durationMs: 7,
      reason: 'because',
    }
    const bare: RecordedEvent = { kind: 'index-started', count: 1, timeMs: startMs }
    await opened.commit(opened.store.addEvents([full, bare]))
    const { createdMs } = opened.store
    await opened.reopen()
    const { store } = opened
    expect(store.createdMs).toBe(createdMs)
    expect(await store.events({ limit: 9 })).toEqual({
      events: [
        { number: 2, event: bare },
        { number: 1, event: full },
      ],
      lastRead: 1,
      isMore: false,
      newest: 2,
    })
    const first = await store.events({ limit: 1, after: 0 })
    expect(first).toMatchObject({ events: [{ number: 1 }], lastRead: 1, isMore: true })
    const rest = await store.events({ limit: 1, after: first.lastRead })
    expect(rest).toMatchObject({ events: [{ number: 2 }], lastRead: 2, isMore: false })
    expect(await store.events({ limit: 1, after: 2 })).toMatchObject({ events: [], lastRead: 2 })
    expect(await store.events({ limit: 1, before: 2 })).toMatchObject({ events: [{ number: 1 }] })
  })

  test('the log is bounded by number and age, and numbers are not used again', async () => {
    await using opened = await open()
    const old = event(-40 * 86_400_000)
    await opened.commit(opened.store.addEvents([old, event(0)]))
    expect(await timesOf(opened)).toEqual([0])
    const many = Array.from({ length: 100_001 }, (_, index) => event(index))
    await opened.commit(opened.store.addEvents(many))
    const { events, newest } = await opened.store.events({ limit: 1, after: 0 })
    expect([events[0]?.number, newest]).toEqual([4, 100_003])
  })
}

function filteredEvents(open: OpenStore): void {
  test('events are filtered by kind, peer, file or folder, and time', async () => {
    await using opened = await open()
    const events = [
      event(1),
      event(2, { kind: 'healed', peerId: 'peer3' }),
      event(3, { name: 'photosets/a' }),
      event(4, { kind: 'trimmed', otherPeerId: 'peer5', name: 'photos/2026/a', count: 9 }),
      event(5, { kind: 'peer-dead', peerId: 'peer1', name: 'other' }),
    ]
    await opened.commit(opened.store.addEvents(events))
    expect(await timesOf(opened, { kinds: ['healed', 'peer-dead'] })).toEqual([5, 2])
    expect(await timesOf(opened, { peerId: 'peer1' })).toEqual([5, 3, 2, 1])
    expect(await timesOf(opened, { name: 'photos' })).toEqual([4, 2, 1])
    expect(await timesOf(opened, { name: 'photos/1.jpg', after: 0 })).toEqual([1])
    expect(await timesOf(opened, { sinceMs: startMs + 4 })).toEqual([5, 4])
    expect(await timesOf(opened, { sinceMs: startMs + 4, after: 0 })).toEqual([4, 5])
  })

  test('a page without a match tells where to continue', async () => {
    await using opened = await open()
    const many = Array.from({ length: 12_000 }, (_, index) => event(index))
    many[100] = event(100, { kind: 'healed' })
    await opened.commit(opened.store.addEvents(many))
    const query = { limit: 5, kinds: ['healed'] } as const
    const found: number[] = []
    let pages = 0
    for (let before: number | undefined, isMore = true; isMore; pages++) {
      const page = await opened.store.events({ ...query, before })
      found.push(...page.events.map(({ number }) => number))
      before = page.lastRead
      isMore = page.isMore
    }
    expect([found, pages]).toEqual([[101], 3])
  })
}
