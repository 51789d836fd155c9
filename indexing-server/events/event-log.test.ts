import { expect, test } from 'vitest'
import { BackgroundWork } from '../../common/background.ts'
import { limits } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { RecordedEvent } from './event.ts'
import { EventLog } from './event-log.ts'

function setUp() {
  const clock = new FakeClock()
  const background = new BackgroundWork({ log: silentLog })
  const written: RecordedEvent[][] = []
  const disk = { isFull: false }
  const addEvents = async (events: readonly RecordedEvent[]): Promise<void> => {
    if (disk.isFull) throw new Error('full')
    written.push([...events])
  }
  const events = new EventLog({
    store: { addEvents },
    onRecorded: () => {},
    background,
    clock,
    log: silentLog,
  })
  const advance = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) await clock.advance(1_000)
  }
  return { clock, events, written, disk, advance }
}

test('10,000 copies in a minute are a few writes', async () => {
  const { clock, events, written, advance } = setUp()
  for (let index = 0; index < 10_000; index++) {
    events.record({ kind: 'copied', peerId: `peer${index % 5}`, name: `f${index}`, bytes: 1 })
    await clock.advance(6)
  }
  await advance(5)
  expect(written.length).toBeLessThan(10)
  const counts = written.flat().map(({ count }) => count)
  expect(counts.length).toBeLessThan(30)
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(10_000)
})

test('without events nothing is written and no timer runs', async () => {
  const { events, written, advance } = setUp()
  events.record({ kind: 'peer-joined', peerId: 'peer1' })
  await advance(10)
  expect(written).toHaveLength(1)
  await advance(1_000)
  expect(written).toHaveLength(1)
})

test('events wait while the database cannot be written, and the end writes the rest', async () => {
  const { events, written, disk, advance } = setUp()
  disk.isFull = true
  events.record({ kind: 'peer-joined', peerId: 'peer1' })
  await advance(5)
  events.record({ kind: 'peer-left', peerId: 'peer1' })
  await advance(5)
  expect(written).toEqual([])
  disk.isFull = false
  await advance(1)
  expect(written.flat().map(({ kind }) => kind)).toEqual(['peer-joined', 'peer-left'])
  events.record({ kind: 'peer-returned', peerId: 'peer1', durationMs: 12.5 })
  await events[Symbol.asyncDispose]()
  expect(written.flat().at(-1)).toMatchObject({ kind: 'peer-returned', durationMs: 13 })
})

test('a flood of different events and endless reasons does not grow memory', async () => {
  const { events, written, disk, advance } = setUp()
  disk.isFull = true
  for (let index = 0; index < 20_000; index++)
    events.record({ kind: 'copy-failed', peerId: `p${index}`, reason: `a\n${'b'.repeat(9_999)}` })
  await advance(5)
  disk.isFull = false
  await advance(5)
  const all = written.flat()
  expect(all).toHaveLength(10_000)
  expect(all.at(-1)?.peerId).toBe('p19999')
  expect(all[0]?.reason).toMatch(/^a b+…b+$/)
  expect(all[0]?.reason).toHaveLength(limits.eventReasonCharactersMax)
})
