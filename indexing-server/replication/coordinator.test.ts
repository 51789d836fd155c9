import { expect, test } from 'vitest'
import { bigFile, contentOf, IndexCluster, missing } from '../testing/index-cluster.ts'

test('why lists each copy, and no reason if none is missing', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  await cluster.peer('peer2')
  const { sha256, size } = await peer1.shares('a')
  await cluster.advance(3_000)
  expect(await peer1.ask('why', { name: 'a' })).toEqual({
    contents: [
      {
        sha256,
        size,
        factor: 2,
        wanted: true,
        copies: [
          { peerId: 'peer1', kind: 'shared', name: 'a', state: 'live' },
          { peerId: 'peer2', kind: 'replicated', name: 'a', state: 'live' },
        ],
        missing: [],
      },
    ],
  })
})

test('why says what a missing copy waits for', async () => {
  await using cluster = await IndexCluster.start({ startGraceMs: 3_000, settleMs: 2_000 })
  const peer1 = await cluster.peer('peer1')
  await peer1.shares('a')
  expect((await missing(peer1, 'a'))[0]).toMatch(
    /^the index has just started: peers have \d s to reconnect/,
  )
  await cluster.advance(5_000)
  expect(await missing(peer1, 'a')).toEqual(['no room for another copy: there is no other peer'])

  const full = await cluster.peer('peer2', { freeBytes: 10 })
  await cluster.advance(3_000)
  const room = '10 B are free, of which 1000 B are reserved'
  expect(await missing(peer1, 'a')).toEqual([`peer2 lacks 1 B for it: ${room}`])
  full.crash()
  const peer3 = await cluster.peer('peer3')
  peer3.answer = undefined
  await cluster.advance(20_000)
  expect(await missing(peer1, 'a')).toEqual([
    expect.stringMatching(/^peer3 has been making a copy for \d+ s$/),
  ])
  expect(await peer1.ask('status', {})).toMatchObject({ tasks: { waiting: 0, running: 1 } })
})

test('a content whose every holder is dead waits for their return', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  await peer1.shares('a')
  peer1.crash()
  const peer2 = await cluster.peer('peer2')
  await cluster.advance(62_000)
  expect(await missing(peer2, 'a')).toEqual(['no live peer has it; it waits for peer1 to return'])
  expect(await peer2.ask('lookup', { name: 'a' })).toMatchObject({ contents: [{ sources: [] }] })
  await peer1.connect()
  await cluster.advance(3_000)
  expect(await missing(peer2, 'a')).toEqual([])
})

test('a failed task is tried again after 15 s, 1 m, 5 m, and blocks nothing else', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = (task) => (task.name === 'bad' ? 'HASH_MISMATCH' : undefined)
  await peer1.announce({ name: 'bad', text: 'bad' }, { name: 'good', text: 'good' })
  await cluster.advance(3_000)
  expect(await missing(peer1, 'good')).toEqual([])
  expect((await missing(peer1, 'bad'))[0]).toMatch(
    /^peer2 failed with HASH_MISMATCH \(Bytes from a source .*\); next attempt in \d+ s$/,
  )
  const tries = (): number => peer2.tasks.filter(({ name }) => name === 'bad').length
  expect(tries()).toBe(1)
  await cluster.advance(20_000)
  expect(tries()).toBe(2)
  await cluster.advance(40_000)
  expect(tries()).toBe(2)
  await cluster.advance(40_000)
  expect(tries()).toBe(3)
  peer2.answer = () => undefined
  await cluster.advance(400_000)
  expect(await missing(peer1, 'bad')).toEqual([])
})

test('a file that its connected owner has no more is said to be missing or unreadable there', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  peer2.answer = () => 'NO_SOURCE'
  await peer1.shares('a')
  await cluster.advance(2_000)
  await peer1.announce({ name: 'a' })
  await cluster.advance(2_000)
  expect(await missing(peer2, 'a')).toEqual([
    'no peer has a readable copy: the file is missing, unreadable or damaged at peer1, which shared it; run `tandem why` or `tandem problems` there',
  ])
  await peer1.ask('leave', {})
  expect(await missing(peer2, 'a')).toEqual(['no peer has it'])
})

test('a peer whose disk is full rests, and its tasks go elsewhere', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  const peer3 = await cluster.peer('peer3', { freeBytes: 900_000_000 })
  peer2.answer = () => 'DISK_FULL'
  peer3.freeBytes = 0
  await peer1.announce({ name: 'a', text: 'a' }, { name: 'b', text: 'b' })
  await cluster.advance(5_000)
  expect(await missing(peer1, 'a')).toEqual([
    expect.stringMatching(/^peer2 failed with DISK_FULL \(The disk .*\); next attempt in \d+ s$/),
    'peer3 lacks 1 B for it: 0 B are free, of which 1000 B are reserved',
  ])
  peer3.freeBytes = 900_000_000
  await cluster.advance(16_000)
  const asked = peer2.tasks.length
  expect(asked).toBeGreaterThan(0)
  expect(peer3.tasks.length + asked).toBeLessThanOrEqual(4)
  expect(await peer1.ask('status', {})).toMatchObject({ atFactor: 2 })
})

test('an unreported task is given up after its deadline', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = undefined
  await peer1.shares('a')
  await cluster.advance(3_000)
  const peer3 = await cluster.peer('peer3')
  await cluster.advance(50_000)
  expect(peer3.tasks).toHaveLength(0)
  await cluster.advance(40_000)
  expect(peer3.tasks).toHaveLength(1)
})

test('small contents travel in batches, of which two wait at the peer behind another', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = undefined
  await peer1.announce(...Array.from({ length: 900 }, (_, i) => ({ name: `${i}`, text: `${i}` })))
  await cluster.advance(5_000)
  const [first = 0, second = 0, third = 0, ...more] = peer2.batches
  expect([first, more]).toEqual([256, []])
  const running = first + second + third
  const waiting = 900 - running
  expect(await peer1.ask('status', {})).toMatchObject({ tasks: { waiting, running } })
  peer2.answer = () => undefined
  await peer2.ask('report', {
    outcomes: peer2.tasks.slice(0, first).map(({ taskId }) => ({ taskId, error: 'NO_SOURCE' })),
  })
  await cluster.advance(5_000)
  expect(peer2.batches).toEqual([first, second, third, waiting])
})

test('what waits at a peer is little, so that urgent copies do not wait for long', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  peer1.freeBytes = 0
  peer2.freeBytes = 1e9
  await cluster.advance(10_000)
  peer2.answer = undefined
  const size = 1_000_000
  await peer1.announce(
    ...Array.from({ length: 60 }, (_, i) => ({
      name: `${i}`,
      text: { ...contentOf(`${i}`), size },
    })),
  )
  await cluster.advance(5_000)
  expect(peer2.batches).toEqual([16, 4, 4])
})

test('a batch does not wait at a peer while another one has none', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('owner')
  const others = await Promise.all(['b', 'c', 'd'].map((id) => cluster.peer(id)))
  for (const peer of others) peer.answer = undefined
  await owner.announce(...Array.from({ length: 1_000 }, (_, i) => ({ name: `${i}`, text: `${i}` })))
  await cluster.advance(5_000)
  // The owner has two streams.
  const counts = others.map(({ batches }) => batches.length)
  expect(counts.toSorted((a, b) => a - b)).toEqual([0, 1, 1])
})

test('what waits behind a slow source at its target is not held up by it', async () => {
  await using cluster = await IndexCluster.start()
  const slow = await cluster.peer('slow', { freeBytes: 0 })
  const fast = await cluster.peer('fast', { freeBytes: 0 })
  const target = await cluster.peer('target')
  target.answer = undefined
  await slow.announce({ name: 'slow', text: 'x'.repeat(500_000) })
  await cluster.advance(3_000)
  await fast.shares('fast')
  await cluster.advance(3_000)
  expect(target.tasks.map(({ name }) => name)).toEqual(['slow', 'fast'])
  const [{ taskId } = { taskId: '' }] = target.tasks
  for (let told = 1; told <= 7; told++) {
    await target.ask('progress', { tasks: [{ taskId, bytes: told * 1_000 }] })
    await cluster.advance(5_000)
  }
  expect(target.cancelled).toEqual([taskId])
})

test('a peer is the source of two streams at most', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const others = await Promise.all(['b', 'c', 'd'].map((id) => cluster.peer(id)))
  for (const peer of others) peer.answer = undefined
  await peer1.announce(...['1', '2', '3', '4'].map((name) => bigFile(name, 40_000_000)))
  await cluster.advance(5_000)
  expect(others.filter(({ tasks }) => tasks.length > 0)).toHaveLength(2)
  expect(others.flatMap(({ tasks }) => tasks)).toHaveLength(2)
})

test('the second copy goes to another zone, and to the least full peer there', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1', { zone: 'east' })
  const near = await cluster.peer('near', { zone: 'east' })
  const full = await cluster.peer('full', { zone: 'west', freeBytes: 10_000 })
  const empty = await cluster.peer('zero', { zone: 'west' })
  await full.announce({ kind: 'downloaded', name: 'x', text: 'x'.repeat(1_000) })
  await peer1.shares('a')
  await cluster.advance(3_000)
  expect([near, full, empty].map(({ tasks }) => tasks.length)).toEqual([0, 0, 1])
})

test('the last copy of a content comes before others', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 3 })
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.announce({ name: 'two', text: 'two' }, { name: 'one', text: 'one' })
  await peer2.announce({ kind: 'downloaded', name: 'two', text: 'two' })
  peer2.answer = undefined
  peer2.freeBytes = 0
  await cluster.advance(5_000)
  const peer3 = await cluster.peer('peer3')
  await cluster.advance(3_000)
  expect(peer3.tasks.map(({ name }) => name)).toEqual(['one', 'two'])
})

test('a peer that restarts during a task is asked again', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = undefined
  await peer1.shares('a')
  await cluster.advance(3_000)
  expect(peer2.tasks).toHaveLength(1)
  peer2.crash()
  peer2.answer = () => undefined
  await peer2.connect()
  await cluster.advance(20_000)
  expect(peer2.tasks).toHaveLength(2)
  expect(await missing(peer1, 'a')).toEqual([])
})

test('a report without the announcement makes no copy', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  peer2.answer = undefined
  await peer1.shares('a')
  await cluster.advance(3_000)
  await peer2.ask('report', { outcomes: peer2.tasks.map(({ taskId }) => ({ taskId })) })
  await cluster.advance(1_000)
  expect(await missing(peer1, 'a')).toEqual(['a peer reported a copy but has not announced it yet'])
  expect(await missing(peer1, 'a')).toEqual(['a peer reported a copy but has not announced it yet'])
  await cluster.advance(30_000)
  expect(peer2.tasks).toHaveLength(2)
})

test('when one of two missing copies is made, the other follows as soon as a peer arrives', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 3 })
  const peer1 = await cluster.peer('peer1')
  await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(5_000)
  expect(await missing(peer1, 'a')).toEqual(['no room for another copy: there is no other peer'])
  const peer3 = await cluster.peer('peer3')
  await cluster.advance(1_000)
  expect(peer3.tasks).toHaveLength(1)
})

test('when no peer has space, a heartbeat that reports some is enough', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1', { freeBytes: 10 })
  const peer2 = await cluster.peer('peer2', { freeBytes: 10 })
  await peer1.shares('a')
  await cluster.advance(20_000)
  peer2.freeBytes = 1_000_000
  await cluster.advance(20_000)
  expect(peer2.tasks).toHaveLength(1)
})

test('a peer that refused to drop a copy is asked again when it has rested', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  peer2.answer = () => 'TASK_REFUSED'
  await peer1.ask('unshare', { owner: 'peer1', name: 'a' })
  await cluster.advance(5_000)
  peer2.answer = () => undefined
  await cluster.advance(40_000)
  expect(peer2.tasks.map(({ kind }) => kind)).toEqual(['replicate', 'drop', 'drop'])
  expect(await peer1.ask('status', {})).toMatchObject({ tasks: { waiting: 0, running: 0 } })
})

test('a source that is slow with thousands of files holds up no others', async () => {
  await using cluster = await IndexCluster.start()
  const slow = await cluster.peer('slow', { freeBytes: 0 })
  const peers = [
    await cluster.peer('peer1'),
    await cluster.peer('peer2'),
    await cluster.peer('peer3'),
  ]
  for (const peer of peers) peer.answer = undefined
  for (let part = 0; part < 5; part++)
    await slow.announce(
      ...Array.from({ length: 1_000 }, (_, index) => {
        const name = `${part}/${index}`
        return { name, text: name }
      }),
    )
  await cluster.advance(5_000)
  const counts = peers.map(({ tasks }) => tasks.length)
  expect(counts.toSorted((a, b) => a - b)).toEqual([0, 256, 256])
  const [busy, free] = [256, 0].map((count) => peers[counts.indexOf(count)])
  await busy?.shares('a')
  await cluster.advance(3_000)
  expect(free?.tasks.map(({ name }) => name)).toEqual(['a'])

  for (const peer of peers) peer.answer = () => undefined
  for (let minutes = 0; minutes < 5; minutes++) await cluster.advance(60_000)
  expect(await slow.ask('status', {})).toMatchObject({ atFactor: 5_001, tasks: { waiting: 0 } })
})

test('a peer that reconnects, or reports copies that it never announces, does not get a task twice', async () => {
  await using cluster = await IndexCluster.start()
  const bad = await cluster.peer('bad')
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2', { freeBytes: 1_900 })
  await peer2.announce({
    kind: 'downloaded',
    name: 'so that bad is the least full',
    text: 'x'.repeat(99),
  })
  bad.answer = undefined
  await peer1.announce({ name: 'a', text: 'a' }, { name: 'b', text: 'b' })
  await cluster.advance(3_000)
  expect(bad.tasks.map(({ name }) => name)).toEqual(['a', 'b'])
  const [reported] = bad.tasks
  await bad.ask('report', { outcomes: [{ taskId: reported?.taskId ?? '' }] })
  bad.crash()
  await bad.connect()
  await cluster.advance(30_000)
  expect(bad.tasks).toHaveLength(2)
  expect(peer2.tasks.map(({ name }) => name).toSorted()).toEqual(['a', 'b'])
})
