import { expect, test } from 'vitest'
import { bigFile, IndexCluster, missing, type TestPeer } from '../testing/index-cluster.ts'

const size = 12_000_000

/** Lets time pass in which `peer` reports this progress of each of its tasks. */
async function dripFor(
  cluster: IndexCluster,
  peer: TestPeer,
  { seconds, bytesPerSecond }: { seconds: number; bytesPerSecond: number },
): Promise<void> {
  for (let second = 5; second <= seconds; second += 5) {
    await cluster.advance(5_000)
    const running = peer.tasks.filter(({ taskId }) => !peer.cancelled.includes(taskId))
    const tasks = running.map(({ taskId }) => ({ taskId, bytes: second * bytesPerSecond }))
    if (tasks.length > 0) await peer.ask('progress', { tasks })
  }
}

test('a source that drips makes room when copies from others wait for the target', async () => {
  await using cluster = await IndexCluster.start()
  const slow = await cluster.peer('slow')
  const target = await cluster.peer('target')
  const full = await cluster.peer('full', { freeBytes: 10 })
  slow.freeBytes = 10
  target.answer = undefined
  await slow.announce(bigFile('dripping', size))
  await cluster.advance(3_000)
  await full.announce(bigFile('waiting', size))
  await dripFor(cluster, target, { seconds: 35, bytesPerSecond: 5_000 })
  expect(target.cancelled).toEqual([target.tasks[0]?.taskId])
  expect(target.tasks.map(({ name }) => name)).toEqual(['dripping', 'waiting'])
  expect((await missing(slow, 'dripping'))[0]).toMatch(
    /^target failed with SOURCE_SLOW \(.*\); next attempt in \d+ s$/,
  )
})

test('a trickling source continues while no other copy waits', async () => {
  await using cluster = await IndexCluster.start()
  const slow = await cluster.peer('slow')
  const target = await cluster.peer('target')
  slow.freeBytes = 10
  target.answer = undefined
  await slow.announce(bigFile('dripping', size), bigFile('from the same source', size))
  await dripFor(cluster, target, { seconds: 200, bytesPerSecond: 5_000 })
  expect(target.cancelled).toEqual([])
})

test('a source that drips is left for one that has the content by now', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 3 })
  const slow = await cluster.peer('slow')
  const target = await cluster.peer('target')
  const other = await cluster.peer('other', { freeBytes: 10 })
  slow.freeBytes = 10
  target.answer = undefined
  await slow.announce(bigFile('dripping', size))
  await cluster.advance(3_000)
  expect(target.tasks).toHaveLength(1)
  await other.announce({ ...bigFile('dripping', size), kind: 'downloaded' })
  await dripFor(cluster, target, { seconds: 60, bytesPerSecond: 5_000 })
  expect(target.cancelled).toHaveLength(1)
  await cluster.advance(20_000)
  expect(target.tasks.at(-1)).toMatchObject({ sources: [{ peerId: 'other' }, {}] })
})

test('a batch without progress is given up after a minute, however large it is', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('owner')
  const target = await cluster.peer('target')
  target.answer = undefined
  await owner.announce(bigFile('huge', 900_000_000))
  await dripFor(cluster, target, { seconds: 65, bytesPerSecond: 0 })
  expect(target.cancelled).toHaveLength(1)
  expect((await missing(owner, 'huge'))[0]).toMatch(/^target failed with DEADLINE_EXCEEDED/)
})

test('a batch at a fair rate may take as long as it needs', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('owner')
  const target = await cluster.peer('target')
  const full = await cluster.peer('full', { freeBytes: 10 })
  owner.freeBytes = 10
  target.answer = undefined
  await owner.announce(bigFile('huge', 900_000_000))
  await cluster.advance(3_000)
  await full.announce(bigFile('waiting', 800_000_000))
  await dripFor(cluster, target, { seconds: 300, bytesPerSecond: 100_000 })
  expect(target.cancelled).toEqual([])
})
