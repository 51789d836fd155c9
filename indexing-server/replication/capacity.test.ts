import { expect, test } from 'vitest'
import { IndexCluster, missing, type TestPeer } from '../testing/index-cluster.ts'

const copiesOn = ({ tasks }: TestPeer): string[] =>
  tasks.flatMap((task) => (task.kind === 'replicate' ? [task.name] : []))

const file = (name: string, bytes: number) => ({ name, text: name.padEnd(bytes, '.') })

test('a peer keeps no more than it gives, and status and why say what is missing', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  const giver = await cluster.peer('peer2', { capacityBytes: 1_000 })
  await owner.announce(file('a', 600))
  await cluster.advance(3_000)
  await owner.announce(file('b', 600), file('c', 700))
  await cluster.advance(20_000)
  expect(copiesOn(giver)).toEqual(['a'])
  expect(await missing(owner, 'b')).toEqual([
    'peer2 lacks 200 B for it: it offers 1000 B to the cluster, of which 600 B are used',
  ])
  expect((await owner.ask('status', {})).noRoom).toEqual({
    contents: 2,
    bytes: 1_300,
    addBytes: 900,
    peers: [{ peerId: 'peer2', roomBytes: 400 }],
    peersInAll: 1,
  })
  const { peers } = await owner.ask('peers', { limit: 9 })
  expect(peers[1]).toMatchObject({ peerId: 'peer2', capacityBytes: 1_000, replicaBytes: 600 })
  expect(await cluster.metricsText).toContain('tandem_index_room_to_add_bytes 900')

  giver.capacityBytes = 1_200
  await cluster.advance(20_000)
  expect(copiesOn(giver)).toEqual(['a', 'b'])
  giver.capacityBytes = undefined
  await cluster.advance(20_000)
  expect(copiesOn(giver)).toEqual(['a', 'b', 'c'])
  expect(await owner.ask('status', {})).not.toHaveProperty('noRoom')
})

test('a peer that gives less than it holds takes nothing more, and keeps what it has', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  const giver = await cluster.peer('peer2')
  await owner.announce(file('a', 600))
  await cluster.advance(3_000)
  giver.capacityBytes = 500
  await cluster.advance(2_000)
  await owner.announce(file('b', 1))
  await cluster.advance(900_000)
  expect(giver.tasks.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['replicate a'])
  expect((await owner.ask('status', {})).noRoom?.peers).toEqual([{ peerId: 'peer2', roomBytes: 0 }])
})

test('copies that were assigned count before they are announced', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  const giver = await cluster.peer('peer2', { capacityBytes: 1_000 })
  giver.answer = undefined
  await owner.announce(file('a', 600), file('b', 600), file('c', 300))
  await cluster.advance(5_000)
  expect(copiesOn(giver)).toEqual(['a', 'c'])
})

test('a content that is no longer wanted is no longer reported as lacking room', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  await cluster.peer('peer2', { freeBytes: 10 })
  await owner.announce(file('a', 600))
  await cluster.advance(5_000)
  expect((await owner.ask('status', {})).noRoom).toMatchObject({ contents: 1 })
  await owner.ask('unshare', { name: 'a' })
  await cluster.advance(5_000)
  expect(await owner.ask('status', {})).not.toHaveProperty('noRoom')
})

test('the owner is not among the peers that lack space for its file', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1', { freeBytes: 10 })
  await cluster.peer('peer2', { freeBytes: 10 })
  await cluster.peer('peer3', { freeBytes: 1_100 })
  await owner.announce(file('a', 600))
  await cluster.advance(5_000)
  expect((await owner.ask('status', {})).noRoom).toMatchObject({
    addBytes: 500,
    peers: [
      { peerId: 'peer3', roomBytes: 100 },
      { peerId: 'peer2', roomBytes: 0 },
    ],
  })
})

test('two peers with about equal disks get about equal shares of many files', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  const peers = [
    await cluster.peer('peer2', { freeBytes: 1_000_000_000 }),
    await cluster.peer('peer3', { freeBytes: 995_000_000 }),
  ]
  await owner.announce(...Array.from({ length: 200 }, (_, i) => file(`f${i}`, 4_000)))
  await cluster.advance(20_000)
  for (const peer of peers) expect(copiesOn(peer).length).toBeGreaterThan(70)
  expect(peers.flatMap(copiesOn)).toHaveLength(200)
})
