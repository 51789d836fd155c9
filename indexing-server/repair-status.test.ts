/** What the index says about missing copies: whole clusters under a clock that only the test moves. */
import { expect, test } from 'vitest'
import { IndexCluster } from './testing/index-cluster.ts'

test('status and metrics show what is missing, what is copied, and how long it took', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a.txt', 'twelve bytes')
  await cluster.advance(5_000)
  expect(await peer1.ask('status', {})).not.toHaveProperty('repair')

  const peer3 = await cluster.peer('peer3')
  peer3.answer = undefined
  peer2.crash()
  await cluster.advance(75_000)
  const { repair } = await peer1.ask('status', {})
  expect(repair).toMatchObject({
    lacking: { lost: 0, lastCopy: 1, draining: 0, others: 0 },
    missingBytes: 12,
    now: [{ name: 'a.txt', target: 'peer3', source: 'peer1', size: 12 }],
  })
  expect(repair?.oldestMs).toBeGreaterThan(5_000)
  expect(repair?.oldestMs).toBeLessThan(30_000)
  const metrics = await cluster.metricsText
  expect(metrics).toContain('tandem_index_contents_lacking{urgency="last-copy"} 1')
  expect(metrics).toContain('tandem_index_missing_bytes 12')
  expect(metrics).toContain('tandem_index_copies_total 1')
  expect(metrics).toContain('tandem_index_heal_seconds_count{cause="new"} 1')
  expect(metrics).not.toContain('cause="lost"')

  peer3.answer = () => undefined
  peer3.crash()
  await peer3.connect()
  await cluster.advance(60_000)
  expect(await peer1.ask('status', {})).not.toHaveProperty('repair')
  const later = await cluster.metricsText
  expect(later).toContain('tandem_index_heal_seconds_count{cause="lost"} 1')
  expect(later).toContain('tandem_index_failed_tasks_total{code="CONNECTION_CLOSED"} 1')
  expect(later).toMatch(/tandem_index_oldest_need_seconds 0/)
})

test('no time is estimated for what no peer can take', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  await cluster.peer('peer2', { capacityBytes: 10 })
  await owner.announce({ name: 'a', text: 'small' }, { name: 'b', text: 'x'.repeat(20) })
  await cluster.advance(5_000)
  const { repair } = await owner.ask('status', {})
  expect(repair).toMatchObject({ missingBytes: 20, now: [] })
  expect(repair?.filesPerSecond).toBeGreaterThan(0)
  expect(repair).not.toHaveProperty('leftMs')
})

test('a content without any live copy is lost until a peer returns', async () => {
  await using cluster = await IndexCluster.start({ brakeMs: 0 })
  const peer1 = await cluster.peer('peer1')
  const asker = await cluster.peer('asker', { freeBytes: 0 })
  await peer1.shares('a.txt')
  await cluster.advance(3_000)
  peer1.crash()
  await cluster.advance(80_000)
  const { repair } = await asker.ask('status', {})
  expect(repair).toMatchObject({ lacking: { lost: 1, lastCopy: 0 }, missingBytes: 0, now: [] })
  expect(repair).not.toHaveProperty('leftMs')
})
