import { expect, test } from 'vitest'
import { bigFile, IndexCluster, missing } from '../testing/index-cluster.ts'

const isBad = ({ name }: { name: string }): boolean => name === 'bad'

test('what failed at one peer is tried immediately at another, and at one that comes later', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const [peer2, peer3] = [await cluster.peer('peer2'), await cluster.peer('peer3')]
  peer2.answer = () => 'SOURCE_FAILED'
  peer3.answer = () => 'SOURCE_FAILED'
  await peer1.shares('a')
  await cluster.advance(3_000)
  expect([peer2, peer3].map(({ tasks }) => tasks.length)).toEqual([1, 1])
  expect((await missing(peer1, 'a')).toSorted()).toEqual(
    [
      /^peer2 failed with SOURCE_FAILED \(A source .*\); next attempt in \d+ s$/,
      /^peer3 failed with SOURCE_FAILED \(A source .*\); next attempt in \d+ s$/,
      /^reading it from peer1 at (?:peer2, peer3|peer3, peer2) failed with SOURCE_FAILED \(.*\); next attempt in \d+ s$/,
    ].map((pattern): unknown => expect.stringMatching(pattern)),
  )
  const peer4 = await cluster.peer('peer4')
  await cluster.advance(3_000)
  expect(peer4.tasks).toHaveLength(1)
  expect(await missing(peer1, 'a')).toEqual([])
})

test('the reason of a failure is the peer’s, on one line', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const [peer2, peer3] = [await cluster.peer('peer2'), await cluster.peer('peer3')]
  const reason = "Cannot write '/mnt/replicated/peer1/a': EROFS: read-only file system"
  peer2.answer = () => ({ error: 'DISK_FAILED', reason })
  peer3.answer = () => ({ error: 'DISK_FULL', reason: 'The disk of /mnt\u001b[2J\nis full' })
  await peer1.shares('a')
  await cluster.advance(3_000)
  expect(
    (await missing(peer1, 'a')).map((line) => line.replace(/\d+ s$/, '15 s')).toSorted(),
  ).toEqual([
    `peer2 failed with DISK_FAILED (${reason}); next attempt in 15 s`,
    'peer3 failed with DISK_FULL (The disk of /mnt [2J is full); next attempt in 15 s',
  ])
})

test('a failure caused by the content itself is explained, too', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = () => ({ error: 'TOO_LARGE', reason: 'the file is larger than 5 bytes' })
  await peer1.shares('a')
  await cluster.advance(3_000)
  expect((await missing(peer1, 'a'))[0]).toMatch(
    /^the last attempt, on peer2, failed with TOO_LARGE \(the file is larger than 5 bytes\); next attempt in \d+ s$/,
  )
})

test('a file that its source cannot read fails at two peers, not at all, and delays no other file', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const others = await Promise.all(
    Array.from({ length: 8 }, (_, index) => cluster.peer(`other${index}`)),
  )
  for (const other of others)
    other.answer = ({ name }) => (name === 'bad' ? 'NO_SOURCE' : undefined)
  await peer1.announce(
    ...['bad', ...Array.from({ length: 300 }, (_, index) => `${index}`)].map((name) => ({
      name,
      text: name,
    })),
  )
  await cluster.advance(5_000)
  const bad = (): number => others.flatMap(({ tasks }) => tasks.filter(isBad)).length
  expect(bad()).toBe(2)
  expect(await peer1.ask('status', {})).toMatchObject({ atFactor: 300, belowFactor: 1 })
  await cluster.advance(100_000)
  expect(bad()).toBeLessThanOrEqual(8)
})

test('a content that fails at every peer waits by itself', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const others = await Promise.all(
    Array.from({ length: 30 }, (_, index) => cluster.peer(`other${index}`)),
  )
  for (const other of others) other.answer = () => 'DISK_FAILED'
  await peer1.shares('bad')
  await cluster.advance(2_000)
  for (let passes = 0; passes < 60; passes++) await cluster.clock.advance(25)
  const tries = others.flatMap(({ tasks }) => tasks).length
  expect(tries).toBeGreaterThan(10)
  expect(tries).toBeLessThan(20)
})

test('small and medium copies run beside large ones, on the same target and from the same source', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = undefined
  await peer1.announce(
    ...Array.from({ length: 3 }, (_, index) => bigFile(`large ${index}`, 200_000_000)),
  )
  await cluster.advance(5_000)
  expect(peer2.tasks.map(({ name }) => name)).toEqual(['large 0'])
  await peer1.announce(bigFile('medium', 12_000_000), { name: 'small', text: 'small' })
  await cluster.advance(3_000)
  expect(peer2.tasks.map(({ name }) => name)).toEqual(['large 0', 'small', 'medium'])
})

test('thousands of waiting large contents do not delay a small one', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = undefined
  for (let part = 0; part < 5; part++)
    await peer1.announce(
      ...Array.from({ length: 900 }, (_, index) => bigFile(`${part}/${index}`, 200_000_000)),
    )
  await peer1.shares('small')
  await cluster.advance(10_000)
  expect(peer2.tasks.map(({ name }) => name)).toContain('small')
})

test('an owner keeps a replica of a file that it lost only if all other peers have one', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 3 })
  const peer1 = await cluster.peer('peer1')
  const others = [await cluster.peer('peer2'), await cluster.peer('peer3')]
  const full = await cluster.peer('peer4', { freeBytes: 0 })
  await peer1.announce({ name: 'a', text: 'same' })
  await cluster.advance(3_000)
  expect(others.flatMap(({ tasks }) => tasks)).toHaveLength(2)
  await peer1.announce({ name: 'a' })
  await cluster.advance(20_000)
  expect(peer1.tasks).toEqual([])
  expect(await missing(peer1, 'a')).toContain(
    'peer1 is its owner, which keeps no replica of its own file',
  )
  full.crash()
  await cluster.advance(90_000)
  expect(peer1.tasks).toMatchObject([{ kind: 'replicate', owner: 'peer1', name: 'a' }])
})

test('a drop that fails at a peer is not asked of it again immediately', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  peer2.answer = () => 'DISK_FAILED'
  await peer1.ask('unshare', { owner: 'peer1', name: 'a' })
  await cluster.advance(10_000)
  expect(peer2.tasks.map(({ kind }) => kind)).toEqual(['replicate', 'drop'])
})

test('a peer at which all copies fail rests, whatever the error, and others take them', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const [broken, whole] = [await cluster.peer('peer2'), await cluster.peer('peer3')]
  broken.answer = () => 'DISK_FAILED'
  whole.freeBytes = 0
  await cluster.advance(2_000)
  await peer1.announce(...Array.from({ length: 20 }, (_, i) => ({ name: `${i}`, text: `${i}` })))
  await cluster.advance(5_000)
  const asked = broken.tasks.length
  await peer1.shares('later')
  await cluster.advance(5_000)
  expect(broken.tasks).toHaveLength(asked)
  whole.freeBytes = 1_000_000
  await cluster.advance(30_000)
  expect(await peer1.ask('status', {})).toMatchObject({ atFactor: 21 })
  // It is healthy again: a single bad file does not make it rest.
  broken.answer = ({ name }) => (name === 'bad' ? 'DISK_FAILED' : undefined)
  whole.freeBytes = 0
  await cluster.advance(100_000)
  await peer1.announce({ name: 'bad', text: 'bad' }, { name: 'good', text: 'good' })
  await cluster.advance(3_000)
  expect(await missing(peer1, 'good')).toEqual([])
})

test('a rate limits all copies that the index asks for', async () => {
  await using cluster = await IndexCluster.start({ repairBytesPerSecond: 50_000 })
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  const files = Array.from({ length: 100 }, (_, i) => ({
    name: `${i}`,
    text: `${i}`.padEnd(10_000, '.'),
  }))
  await peer1.announce(...files)
  await cluster.advance(6_000)
  expect(peer2.tasks.length).toBeGreaterThan(10)
  expect(peer2.tasks.length).toBeLessThan(45)
  await cluster.advance(20_000)
  expect(peer2.tasks).toHaveLength(100)
  expect(await peer1.ask('status', {})).toMatchObject({ atFactor: 100 })
})

test('a drop that fails after it has become unnecessary is not remembered', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  await peer1.shares('a')
  await cluster.advance(3_000)
  peer2.answer = undefined
  await peer1.ask('unshare', { owner: 'peer1', name: 'a' })
  await cluster.advance(3_000)
  const drop = peer2.tasks.at(-1)
  expect(drop).toMatchObject({ kind: 'drop' })
  await peer1.ask('share', { name: 'a' })
  await peer1.shares('a')
  await cluster.advance(3_000)
  const outcomes = [{ taskId: drop?.taskId ?? '', error: 'STILL_NEEDED' }]
  await peer2.ask('report', { outcomes })
  expect(await cluster.metricsText).toContain('tandem_index_kept_entries{table="failures"} 0')
})
