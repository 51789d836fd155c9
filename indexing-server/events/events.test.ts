/** The events of a running index: whole clusters under a clock that only the test moves. */
import { expect, test } from 'vitest'
import { contentOf, IndexCluster, type TestPeer } from '../testing/index-cluster.ts'

/** `kind peerId` of each recorded event, oldest first. */
async function eventsOf(asker: TestPeer): Promise<string[]> {
  const { events } = await asker.ask('events', { limit: 500 })
  return events.toReversed().map(({ kind, peerId = '' }) => `${kind} ${peerId}`.trim())
}

test('peers join, become suspect, return, die and leave', async () => {
  await using cluster = await IndexCluster.start()
  const asker = await cluster.peer('asker')
  const peer = await cluster.peer('peer')
  const gone = await cluster.peer('gone')
  await cluster.advance(5_000)
  peer.crash()
  await cluster.advance(10_000)
  await peer.connect()
  await cluster.advance(10_000)
  peer.crash()
  await cluster.advance(5_000)
  await gone.ask('leave', { forGood: true })
  gone.crash()
  await cluster.advance(100_000)
  await peer.connect()
  await cluster.advance(5_000)
  expect(await eventsOf(asker)).toEqual([
    'index-started',
    'peer-joined asker',
    'peer-joined peer',
    'peer-joined gone',
    'peer-suspect peer',
    'peer-returned peer',
    'peer-suspect peer',
    'peer-left gone',
    'peer-dead peer',
    'peer-returned peer',
  ])
  const { events } = await asker.ask('events', { limit: 9, kinds: ['peer-returned'] })
  expect(events.map(({ durationMs = 0 }) => Math.round(durationMs / 1_000))).toEqual([105, 10])
  const { events: left } = await asker.ask('events', { limit: 9, kinds: ['peer-left'] })
  expect(left).toMatchObject([{ peerId: 'gone', reason: 'for good' }])
})

test('a restart of the index is one event, and cursors stay valid', async () => {
  await using cluster = await IndexCluster.start()
  const peer = await cluster.peer('peer')
  await cluster.advance(5_000)
  const { newest } = await peer.ask('events', { limit: 1 })
  // In memory the database ends with the index: its cursors count as the beginning.
  peer.crash()
  await cluster.stopIndex()
  await cluster.startIndex()
  await peer.connect()
  await cluster.advance(5_000)
  const { events } = await peer.ask('events', { limit: 9, after: newest })
  expect(events.map(({ kind }) => kind)).toEqual(['index-started', 'peer-joined'])
  const [first, second] = events
  const page = await peer.ask('events', { limit: 9, after: first?.id ?? '' })
  expect(page).toMatchObject({ events: [second], next: second?.id, isMore: false })
  const none = await peer.ask('events', { limit: 9, after: page.next })
  expect(none).toMatchObject({ events: [], next: second?.id, newest: second?.id })
  const before = await peer.ask('events', { limit: 9, before: second?.id ?? '' })
  expect(before.events).toEqual([first])
})

test('a cursor is checked', async () => {
  await using cluster = await IndexCluster.start()
  const peer = await cluster.peer('peer')
  await expect(peer.ask('events', { limit: 1, after: 'x' })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  })
})

test('the brake is recorded with its reason and duration', async () => {
  await using cluster = await IndexCluster.start({ brakeMs: 60_000 })
  const asker = await cluster.peer('asker')
  const peers = await Promise.all(['peer1', 'peer2'].map((id) => cluster.peer(id)))
  await cluster.advance(5_000)
  for (const peer of peers) peer.crash()
  await cluster.advance(200_000)
  const request = { limit: 9, kinds: ['brake-on', 'brake-off'] as const }
  const { events } = await asker.ask('events', { ...request, kinds: [...request.kinds] })
  const [off, on] = events
  expect(on?.kind).toBe('brake-on')
  expect(on?.reason).toContain('2 of 3 peers')
  expect(off?.kind).toBe('brake-off')
  expect(off?.durationMs).toBeGreaterThan(55_000)
  expect(off?.durationMs).toBeLessThan(65_000)
})

test('copies are recorded with their source, and with their reason if copies were lost', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  const { sha256 } = await peer1.shares('photos/a.jpg', 'some bytes')
  await cluster.advance(5_000)
  const peer3 = await cluster.peer('peer3')
  peer2.crash()
  await cluster.advance(80_000)
  const copies = { kinds: ['copied' as const, 'healed' as const] }
  const { events } = await peer1.ask('events', { limit: 9, ...copies })
  const single = { otherPeerId: 'peer1', name: 'photos/a.jpg', sha256, count: 1, bytes: 10 }
  expect(events).toMatchObject([
    { kind: 'healed', peerId: 'peer3', ...single, reason: 'peer2 is dead' },
    { kind: 'copied', peerId: 'peer2', ...single },
  ])
  expect(peer3.tasks).toHaveLength(1)
})

test('many copies are one event with their folder', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  await cluster.peer('peer2')
  await peer1.announce(
    ...Array.from({ length: 40 }, (_, index) => ({ name: `photos/${index}`, text: `${index}` })),
  )
  await cluster.advance(10_000)
  const { events } = await peer1.ask('events', { limit: 9, kinds: ['copied'] })
  expect(events).toMatchObject([
    { peerId: 'peer2', otherPeerId: 'peer1', folder: 'photos', count: 40, bytes: 70 },
  ])
})

test('a failed copy, a dropped one and wrong bytes are recorded', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = () => ({ error: 'DISK_FAILED', reason: 'EROFS: read-only' })
  await peer1.shares('a.txt')
  await cluster.advance(5_000)
  peer2.answer = () => undefined
  await cluster.advance(60_000)
  const { sha256 } = contentOf('a.txt')
  await peer2.ask('accuse', { peerId: 'peer1', sha256 })
  await peer1.ask('unshare', { name: 'a.txt' })
  await cluster.advance(5_000)
  const kinds = ['copy-failed', 'copied', 'blamed', 'dropped'] as const
  const { events } = await peer1.ask('events', { limit: 9, kinds: [...kinds] })
  expect(events.toReversed()).toMatchObject([
    {
      kind: 'copy-failed',
      peerId: 'peer2',
      name: 'a.txt',
      reason: 'DISK_FAILED: EROFS: read-only',
    },
    { kind: 'copied', peerId: 'peer2', name: 'a.txt' },
    { kind: 'blamed', peerId: 'peer1', otherPeerId: 'peer2', name: 'a.txt', bytes: 5 },
    { kind: 'dropped', peerId: 'peer2', name: 'a.txt', bytes: 5, reason: 'no longer shared' },
  ])
})
