import { expect, test } from 'vitest'
import { deadlines } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { ChangeFeed } from './change-feed.ts'

const { signal } = new AbortController()

function setUp() {
  const clock = new FakeClock()
  const cluster = { contents: 1, forMs: 0, asked: 0, isBroken: false }
  const status = async (): Promise<unknown> => {
    cluster.asked++
    if (cluster.isBroken) throw new Error('broken')
    return { contents: cluster.contents, brake: { forMs: cluster.forMs++ } }
  }
  const changes = new ChangeFeed({ status, clock, random: seededRandom('a'), log: silentLog })
  return { clock, cluster, changes }
}

test('everything is new to a peer without a cursor, or with one of another run', async () => {
  const { changes } = setUp()
  await using _ = changes
  const all = ['files', 'peers', 'status', 'events']
  expect((await changes.since(undefined, signal)).topics).toEqual(all)
  expect((await changes.since('other-0-0-0-0', signal)).topics).toEqual(all)
})

test('a waiting peer is told what has changed, soon', async () => {
  const { changes, clock, cluster } = setUp()
  await using _ = changes
  const { cursor } = await changes.since(undefined, signal)
  const waiting = changes.since(cursor, signal)
  await clock.advance(5_000)
  changes.touch('files')
  changes.touch('events', 'files')
  await clock.advance(250)
  const next = await waiting
  expect(next.topics).toEqual(['files', 'events'])
  const again = changes.since(next.cursor, signal)
  cluster.contents++
  await clock.advance(750)
  expect((await again).topics).toEqual(['status'])
})

test('a peer that missed changes is told immediately', async () => {
  const { changes, clock } = setUp()
  await using _ = changes
  const { cursor } = await changes.since(undefined, signal)
  await clock.advance(60_000)
  changes.touch('peers')
  expect((await changes.since(cursor, signal)).topics).toEqual(['peers'])
})

test('endless changes are four answers per second', async () => {
  const { changes, clock } = setUp()
  await using _ = changes
  let answers = 0
  const stop = new AbortController()
  const follow = async (): Promise<void> => {
    let after: string | undefined
    for (;;) {
      const { cursor, topics } = await changes.since(after, stop.signal)
      after = cursor
      answers += topics.length > 0 ? 1 : 0
    }
  }
  const following = follow().catch(() => {})
  for (let ms = 0; ms < 10_000; ms += 10) {
    changes.touch('files')
    await clock.advance(10)
  }
  stop.abort()
  await following
  expect(answers).toBeGreaterThan(35)
  expect(answers).toBeLessThan(45)
})

test('without changes the answer is empty after a while', async () => {
  const { changes, clock } = setUp()
  await using _ = changes
  const { cursor } = await changes.since(undefined, signal)
  const waiting = changes.since(cursor, signal)
  await clock.advance(deadlines.changesWaitMs)
  expect(await waiting).toEqual({ cursor, topics: [] })
})

test('nothing is computed while no peer waits, and a failure of it is no change', async () => {
  const { changes, clock, cluster } = setUp()
  await using _ = changes
  const { cursor } = await changes.since(undefined, signal)
  const waiting = changes.since(cursor, signal)
  cluster.isBroken = true
  await clock.advance(deadlines.changesWaitMs)
  expect((await waiting).topics).toEqual([])
  await clock.advance(1_000)
  const { asked } = cluster
  await clock.advance(600_000)
  expect(cluster.asked).toBe(asked)
})
