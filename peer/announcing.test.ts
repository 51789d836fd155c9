import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import type { CopyKey } from '../common/protocol/messages.ts'
import { announceFrameBytesTarget } from './announce/announcement-plan.ts'
import { AnnouncingFixture } from './testing/announcing-fixture.ts'

const a = { kind: 'shared', name: 'a.txt' } as const
const b = { kind: 'replicated', owner: 'peer2', name: 'b.txt' } as const

test('the index gets the inventory and then, in groups, the changes', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index, catalog } = fixture
  fixture.put(a, 'a')
  await fixture.startBoth()
  expect(index.hellos).toMatchObject([
    {
      role: 'peer',
      peerId: 'peer1',
      registration: { port: 7_100, zone: 'rack 1', freeBytes: 1_000 },
    },
  ])
  expect(index.announcements).toMatchObject([{ begin: true, end: true, previousSeq: 0 }])

  fixture.put(b, 'b')
  fixture.put(a, 'changed')
  const changedMs = fixture.clock.monotonicMs()
  await fixture.inStep()
  expect(fixture.clock.monotonicMs() - changedMs).toBeLessThanOrEqual(50)
  catalog.drop(b)
  await fixture.inStep()
  expect(index.announcements.map(({ changes }) => changes.length)).toEqual([1, 2, 1])
})

test('drops that the index has are forgotten', async () => {
  await using fixture = await AnnouncingFixture.create()
  fixture.put(a, 'a')
  await fixture.startBoth()
  const { lastSeq } = fixture.catalog
  fixture.catalog.drop(a)
  await fixture.inStep()
  const isForgotten = (): boolean => fixture.catalog.changesSince(lastSeq, 1).length === 0
  await fixture.until(isForgotten)
  expect(fixture.catalog.canResumeFrom(lastSeq)).toBe(false)
})

test('an index that restarts with its disk gets nothing twice', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  await fixture.startBoth()
  await index.stop()
  await fixture.until(() => fixture.announcer.state.name === 'connecting')
  fixture.put(b, 'b')
  await index.start()
  await fixture.inStep()
  expect(index.announcements).toHaveLength(2)
  expect(index.announcements[1]?.changes).toMatchObject([{ op: 'put', name: 'b.txt' }])
})

test('an index that lost its disk gets everything', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  fixture.put(b, 'b')
  await fixture.startBoth()
  await index.stop()
  index.forget()
  await index.start()
  await fixture.inStep()
  expect(index.announcements.at(-1)).toMatchObject({ begin: true, end: true })
})

test('an index that lost transactions gets everything if drops among them were forgotten', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  fixture.put(b, 'b')
  await fixture.startBoth()
  const seenSeq = fixture.catalog.lastSeq
  fixture.catalog.drop(a)
  await fixture.inStep()
  await fixture.until(() => !fixture.catalog.canResumeFrom(seenSeq))
  index.forgetFrom(seenSeq)
  index.disconnect()
  await fixture.until(() => index.hellos.length === 2)
  await fixture.until(() => index.announcements.at(-1)?.end === true)
  expect(index.copies()).toEqual(fixture.copies())
})

test('after a gap the peer registers again and continues where the index is', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'at first')
  await fixture.startBoth()
  fixture.put(a, 'a')
  await fixture.inStep()
  index.forgetFrom((index.announcements[0]?.lastSeq ?? 0) - 1)
  fixture.put(b, 'b')
  await fixture.inStep()
  expect(index.hellos).toHaveLength(2)
})

test('missing files are announced as gone only after the first scan', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  await index.start()
  fixture.start()
  await fixture.inStep()
  expect(index.announcements).toMatchObject([{ begin: true }])
  expect(index.announcements[0]?.end).toBeUndefined()
  fixture.catalog.markComplete()
  await fixture.until(() => index.announcements.length === 2)
  expect(index.announcements[1]).toMatchObject({ end: true, changes: [] })
})

test('a large inventory is sent in frames of bounded size', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index, catalog } = fixture
  catalog.group(() => {
    for (let number = 0; number < 10_000; number++)
      fixture.put({ kind: 'shared', name: `folder/${'é'.repeat(50)} ${number}` }, `${number}`)
  })
  await fixture.startBoth()
  const frameBytes = index.announcements.map((each) => Buffer.byteLength(JSON.stringify(each)))
  expect(Math.max(...frameBytes)).toBeLessThan(announceFrameBytesTarget + 1_000)
  expect(index.announcements.length).toBeLessThan(30)
  expect(index.announcements.filter(({ begin, end }) => begin || end)).toHaveLength(2)
})

test('heartbeats are sent at the interval that the index requests', async () => {
  await using fixture = await AnnouncingFixture.create()
  await fixture.startBoth()
  await fixture.until(() => fixture.index.heartbeats === 3)
  expect(fixture.clock.monotonicMs()).toBeGreaterThanOrEqual(3_000)
  expect(fixture.clock.monotonicMs()).toBeLessThan(4_000)
})

test('the index is told immediately of other room for copies, and then as before', async () => {
  await using fixture = await AnnouncingFixture.create()
  await fixture.startBoth()
  await fixture.until(() => fixture.index.heartbeats === 1)
  const startMs = fixture.clock.monotonicMs()
  fixture.announcer.tellRoom()
  await fixture.until(() => fixture.index.heartbeats === 2)
  expect(fixture.clock.monotonicMs() - startMs).toBeLessThan(500)
  await fixture.until(() => fixture.index.heartbeats === 3)
  expect(fixture.clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(1_000)
})

test.each([0, 100_000_000])(
  'an index that requests a heartbeat every %i ms is refused',
  async (ms) => {
    await using fixture = await AnnouncingFixture.create()
    fixture.index.heartbeatMs = ms
    await fixture.index.start()
    fixture.start()
    await fixture.until(() => fixture.announcer.state.name === 'refused')
    expect(fixture.announcer.state).toMatchObject({ error: { code: 'BAD_REPLY' } })
    expect(fixture.index.heartbeats).toBe(0)
  },
)

test('the index is dialled repeatedly, with growing delays', async () => {
  await using fixture = await AnnouncingFixture.create()
  fixture.start()
  await fixture.until(() => fixture.announcer.state.name === 'connecting')
  await fixture.clock.advance(60_000)
  expect(fixture.announcer.state).toMatchObject({ error: { code: 'DIAL_FAILED' } })
  await fixture.index.start()
  const startMs = fixture.clock.monotonicMs()
  await fixture.until(() => fixture.announcer.state.name === 'registered')
  expect(fixture.clock.monotonicMs() - startMs).toBeLessThanOrEqual(2_000)
})

test('a peer that the index refuses says why, and retries slowly', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  index.refusal = new AppError('PEER_ID_TAKEN', { peerId: 'peer1', address: '10.0.0.1:7100' })
  await index.start()
  fixture.start()
  await fixture.until(() => fixture.announcer.state.name === 'refused')
  const { signal } = new AbortController()
  await expect(fixture.announcer.connected(signal)).rejects.toMatchObject({ code: 'PEER_ID_TAKEN' })
  await fixture.clock.advance(2_400)
  expect(index.hellos).toHaveLength(1)

  index.refusal = undefined
  await fixture.until(() => fixture.announcer.state.name === 'registered')
  expect(fixture.clock.monotonicMs()).toBeLessThanOrEqual(6_000)
})

test('waiting callers get the connection as soon as it is open', async () => {
  await using fixture = await AnnouncingFixture.create()
  fixture.start()
  const waiting = fixture.announcer.connected(new AbortController().signal)
  const gaveUp = new AbortController()
  const leaving = fixture.announcer.connected(gaveUp.signal)
  gaveUp.abort(new Error('no longer needed'))
  await expect(leaving).rejects.toThrow('no longer needed')

  await fixture.index.start()
  await fixture.until(() => fixture.announcer.connection !== undefined)
  expect(await waiting).toBe(fixture.announcer.connection)
})

test('a returned index is found immediately when a user request waits for it', async () => {
  await using fixture = await AnnouncingFixture.create()
  await fixture.startWithoutIndex()
  const { announcer, clock, index } = fixture
  expect(announcer.awayMs).toBeCloseTo(60_000, 1)
  await index.start()
  const signal = AbortSignal.timeout(60_000)
  const asking = announcer.connected(signal, { isHurried: true })
  await clock.advance(100)
  expect(await asking).toBe(announcer.connection)
  expect(announcer.awayMs).toBe(0)
})

test('many waiting requests do not make the peer dial an absent index all the time', async () => {
  await using fixture = await AnnouncingFixture.create()
  await fixture.startWithoutIndex()
  const { announcer, clock } = fixture
  const before = fixture.dials
  const stop = new AbortController()
  const ask = (isHurried: boolean): Promise<unknown>[] =>
    Array.from({ length: 50 }, () => announcer.connected(stop.signal, { isHurried }))
  const waiting = Promise.allSettled(ask(false))
  await clock.advance(20_000)
  const patient = fixture.dials - before
  expect(patient).toBeLessThanOrEqual(20)
  const asking = Promise.allSettled(ask(true))
  await clock.advance(1_000)
  expect(fixture.dials - before - patient).toBeGreaterThan(3)
  await clock.advance(19_000)
  expect(fixture.dials - before - patient).toBeLessThanOrEqual(25)
  stop.abort()
  await Promise.all([waiting, asking])
})

test('everything counts as announced when it has been sent', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  await fixture.startBoth()
  fixture.put(a, 'a')
  let isAnnounced = false
  const announced = fixture.announcer.announced(new AbortController().signal).then(() => {
    isAnnounced = true
  })
  expect(isAnnounced).toBe(false)
  await fixture.until(() => isAnnounced)
  await announced
  await fixture.inStep()
  expect(index.announcements.at(-1)?.changes).toHaveLength(1)
})

test('tasks from the index reach the peer', async () => {
  await using fixture = await AnnouncingFixture.create()
  await fixture.startBoth()
  const sha256 = '0'.repeat(64)
  const task = { kind: 'drop', taskId: '1', name: 'a', owner: 'peer2', sha256 } as const
  await fixture.index.handOut([task])
  expect(fixture.tasks).toEqual([task])
})

test('a stopping peer says that it leaves, but waits only briefly for the answer', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  await fixture.startBoth()
  await fixture.stop()
  expect(index.leaves).toBe(1)

  fixture.start()
  await fixture.until(() => fixture.announcer.connection !== undefined)
  index.isSilent = true
  let isStopped = false
  const stopped = fixture.stop().then(() => {
    isStopped = true
  })
  const startMs = fixture.clock.monotonicMs()
  await fixture.until(() => isStopped)
  await stopped
  expect(fixture.clock.monotonicMs() - startMs).toBeLessThanOrEqual(600)
  expect(index.leaves).toBe(2)
})

test('a peer says only if asked to that it leaves for good', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  await fixture.startBoth()
  await fixture.stop()
  expect(index).toMatchObject({ leaves: 1, isLeftForGood: false })
  fixture.start()
  await fixture.until(() => fixture.announcer.connection !== undefined)
  fixture.announcer.leaveForGood()
  await fixture.stop()
  expect(index).toMatchObject({ leaves: 2, isLeftForGood: true })
})

test('the index ends up with exactly the catalog, whatever happens to catalog, index and peer', async () => {
  const keys: CopyKey[] = [a, b, { ...a, name: 'c.txt' }, { ...b, owner: 'peer3' }]
  const key = fc.constantFrom(...keys)
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('put' as const),
        key,
        text: fc.string({ maxLength: 1 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('drop' as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        ms: fc.integer({ min: 0, max: 3_000 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('disconnect', 'stop the index', 'lose its disk', 'restart the peer'),
      }),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using fixture = await AnnouncingFixture.create()
      const { index } = fixture
      let isUp = true
      await fixture.startBoth()
      for (const each of steps) {
        if (each.do === 'put') fixture.put(each.key, each.text)
        else if (each.do === 'drop') fixture.catalog.drop(each.key)
        else if (each.do === 'wait') await fixture.clock.advance(each.ms)
        else if (each.do === 'disconnect') index.disconnect()
        else if (each.do === 'restart the peer') await fixture.restart()
        else if (isUp) {
          await index.stop()
          if (each.do === 'lose its disk') index.forget()
          isUp = false
        } else {
          await index.start()
          isUp = true
        }
      }
      if (!isUp) await index.start()
      await fixture.until(() => fixture.announcer.state.name === 'registered')
      await fixture.inStep()
      await fixture.clock.advance(10_000)
      expect(index.copies()).toEqual(fixture.copies())
    }),
    { numRuns: 60 },
  )
})

test('an announcement that the index could not write is retried on the same connection, with back-off', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index, clock } = fixture
  fixture.put(a, 'a')
  await fixture.startBoth()
  index.announceRefusal = new AppError('DISK_FAILED', {
    action: 'write',
    path: '/x',
    reason: 'full',
  })
  fixture.put(b, 'b')
  const { heartbeats } = index
  await clock.advance(50)
  await fixture.until(() => index.heartbeats >= heartbeats + 60)
  expect(index.announcements.length).toBeGreaterThan(5)
  expect(index.announcements.length).toBeLessThan(15)
  expect([fixture.dials, fixture.announcer.state.name]).toEqual([1, 'registered'])
  fixture.catalog.drop(a)
  index.announceRefusal = undefined
  await fixture.inStep()
  expect(fixture.dials).toBe(1)
})

test('an inventory of many announcements continues after those that the index could write', async () => {
  const text = { action: 'write', path: '/x', reason: 'full' }
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { minLength: 3, maxLength: 6 }), async (refusals) => {
      await using fixture = await AnnouncingFixture.create()
      const { index, catalog } = fixture
      catalog.group(() => {
        for (let number = 0; number < 1_000; number++)
          fixture.put({ kind: 'shared', name: `${'long/'.repeat(150)}${number}` }, '')
      })
      index.onAnnounce = () => {
        if (refusals.shift() === true) throw new AppError('DISK_FAILED', text)
      }
      await fixture.startBoth()
      expect(index.copies()).toEqual(fixture.copies())
      expect(
        index.announcements.filter(({ changes }) => changes.length > 0).length,
      ).toBeGreaterThan(2)
      expect([fixture.dials, index.hellos.length]).toEqual([1, 1])
    }),
    { numRuns: 5 },
  )
})
