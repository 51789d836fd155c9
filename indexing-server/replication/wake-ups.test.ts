import { expect, test } from 'vitest'
import { IndexCluster, missing } from '../testing/index-cluster.ts'

test('a copy on a dead peer delays nothing, and is dropped when the peer returns', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const peer2 = await cluster.peer('peer2')
  await peer1.shares('a')
  await cluster.advance(3_000)
  expect(peer2.tasks).toMatchObject([{ kind: 'replicate' }])
  peer2.crash()
  await cluster.advance(61_000)
  await peer1.ask('unshare', { name: 'a' })
  await cluster.advance(3_000)
  const { peers, tasks } = await peer1.ask('status', {})
  expect({ peers, tasks }).toMatchObject({ peers: { dead: 1 }, tasks: { waiting: 0, running: 0 } })
  await peer2.connect()
  await cluster.advance(3_000)
  expect(peer2.tasks).toMatchObject([{ kind: 'replicate' }, { kind: 'drop' }])
})

test('a kept copy on a live peer does not make the queue wait for an obsolete one on a dead peer', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  const [peer2, peer3] = [await cluster.peer('peer2'), await cluster.peer('peer3')]
  const replica = { kind: 'replicated', owner: 'peer1', text: 'old' } as const
  await peer1.announce({ name: 'a', text: 'old' }, { name: 'b', text: 'old' })
  await peer2.announce({ ...replica, name: 'a' })
  await peer3.announce({ ...replica, name: 'b' })
  await cluster.advance(3_000)
  // A version of `a` that is kept, on a live peer; `b` is no longer wanted.
  peer3.crash()
  await cluster.advance(61_000)
  await peer1.announce({ name: 'a', text: 'new' }, { name: 'b' })
  await peer1.ask('unshare', { name: 'b' })
  await cluster.advance(30_000)
  const { tasks } = await peer1.ask('status', {})
  expect(tasks).toEqual({ waiting: 0, running: 0 })
  await peer3.connect()
  await cluster.advance(3_000)
  expect(peer3.tasks).toMatchObject([{ kind: 'drop', name: 'b' }])
})

test('a content that no peer could take is placed when its owners change', async () => {
  await using cluster = await IndexCluster.start({ replicationFactor: 3 })
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  await cluster.peer('peer3')
  await cluster.peer('peer4', { freeBytes: 0 })
  await peer1.shares('a', 'same')
  await peer2.shares('b', 'same')
  await cluster.advance(3_000)
  await peer2.announce({ name: 'b' })
  await cluster.advance(3_000)
  expect(await missing(peer1, 'a')).toContain(
    'peer2 is its owner, which keeps no replica of its own file',
  )
  await peer2.ask('unshare', { name: 'b' })
  await cluster.advance(3_000)
  expect(peer2.tasks).toMatchObject([{ kind: 'replicate', name: 'a' }])
})

test('a content whose only other copy was bad is copied there again after it is removed', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  const { sha256 } = await peer1.shares('a')
  await cluster.advance(3_000)
  await peer1.ask('accuse', { peerId: 'peer2', sha256 })
  await cluster.advance(3_000)
  expect(peer2.verified).toEqual([sha256])
  await peer2.announce({ kind: 'replicated', owner: 'peer1', name: 'a' })
  await cluster.advance(3_000)
  expect(peer2.tasks).toHaveLength(2)
  expect(await missing(peer1, 'a')).toEqual([])
})

test('what failed elsewhere is tried at a peer that is reached only after it registered', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  peer2.answer = () => 'INTERNAL'
  await peer1.shares('a')
  await cluster.advance(500_000)
  const tries = peer2.tasks.length
  cluster.unreachable.add('peer3')
  const peer3 = await cluster.peer('peer3')
  await cluster.advance(2_000)
  expect(peer3.tasks).toEqual([])
  cluster.unreachable.delete('peer3')
  await cluster.advance(10_000)
  expect([peer2.tasks.length, peer3.tasks.length]).toEqual([tries, 1])
})

test('a peer after a short rest takes a content that another keeps failing at', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  peer2.answer = () => 'INTERNAL'
  await peer1.shares('a')
  await cluster.advance(500_000)
  const tries = peer2.tasks.length
  const peer3 = await cluster.peer('peer3')
  peer3.answer = () => 'STOPPING'
  await cluster.advance(3_000)
  expect(peer3.tasks).toHaveLength(1)
  peer3.answer = () => undefined
  await cluster.advance(120_000)
  expect([peer2.tasks.length, peer3.tasks.length]).toEqual([tries, 2])
})

test('a peer that rests because its disk is full is still asked to drop copies', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  await peer1.shares('a')
  await cluster.advance(3_000)
  peer2.answer = ({ kind }) => (kind === 'replicate' ? 'DISK_FULL' : undefined)
  await peer1.shares('b')
  await cluster.advance(500_000)
  const tries = peer2.tasks.length
  await peer1.ask('unshare', { name: 'a' })
  peer2.answer = () => undefined
  await cluster.advance(20_000)
  expect(peer2.tasks.slice(tries)).toMatchObject([{ kind: 'drop', name: 'a' }])
})
