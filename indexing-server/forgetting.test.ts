import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { codeOf, IndexCluster, statesOf, type TestPeer } from './testing/index-cluster.ts'

const deadMs = 75_000

async function namesOf(asker: TestPeer): Promise<string[]> {
  return (await asker.ask('search', { query: '', limit: 100 })).files.map(({ name }) => name)
}

/** Files `a` and `b` of peer1 with replicas on peer2; peer1 has died, peer3 has the copies. */
async function aDeadOwner(settings = {}) {
  const cluster = await IndexCluster.start(settings)
  const owner = await cluster.peer('peer1', { identity: 'a'.repeat(64) })
  const other = await cluster.peer('peer2')
  await owner.announce({ name: 'a', text: 'a' }, { name: 'b', text: 'b' })
  await cluster.advance(5_000)
  await cluster.peer('peer3')
  owner.crash()
  await cluster.advance(deadMs)
  return { cluster, owner, other }
}

test('a forgotten owner leaves its files to those who keep them', async () => {
  const { cluster, other } = await aDeadOwner()
  await using _cluster = cluster
  expect(await other.ask('forget-peer', { peerId: 'peer1' })).toEqual({ done: true })
  expect(await statesOf(other)).toEqual({ peer2: 'live', peer3: 'live' })
  expect(await namesOf(other)).toEqual(['a', 'b'])
  await cluster.advance(5_000)
  const { contents, belowFactor } = await other.ask('status', {})
  expect({ contents, belowFactor }).toEqual({ contents: 2, belowFactor: 0 })
  const { contents: explained } = await other.ask('why', { name: 'a' })
  expect(explained[0]?.copies.map(({ peerId, kind }) => `${peerId} ${kind}`).toSorted()).toEqual([
    'peer2 replicated',
    'peer3 replicated',
  ])
  expect(await codeOf(other.ask('forget-peer', { peerId: 'peer1' }))).toBe('PEER_UNKNOWN')
})

test('only a dead peer is forgotten', async () => {
  const { cluster, other } = await aDeadOwner()
  await using _cluster = cluster
  expect(await codeOf(other.ask('forget-peer', { peerId: 'peer3' }))).toBe('PEER_NOT_DEAD')
  expect(await codeOf(other.ask('forget-peer', { peerId: 'peer2', force: true }))).toBe(
    'PEER_NOT_DEAD',
  )
  expect(await codeOf(other.ask('forget-peer', { peerId: 'peer9' }))).toBe('PEER_UNKNOWN')
})

test('contents that no other peer has are given up only with force', async () => {
  await using cluster = await IndexCluster.start()
  const alone = await cluster.peer('peer1')
  await alone.announce({ name: 'a', text: 'a' }, { name: 'b', text: 'b' })
  alone.crash()
  const other = await cluster.peer('peer2')
  await cluster.advance(deadMs)
  await expect(other.ask('forget-peer', { peerId: 'peer1' })).rejects.toMatchObject({
    code: 'FORGET_LOSES',
    message: expect.stringContaining(
      "would lose 2 files that no other peer has, such as 'a', 'b'",
    ) as string,
  })
  expect(await namesOf(other)).toEqual(['a', 'b'])
  expect(await other.ask('forget-peer', { peerId: 'peer1', force: true })).toEqual({ done: true })
  expect(await namesOf(other)).toEqual([])
  expect(await other.ask('status', {})).toMatchObject({ contents: 0, belowFactor: 0 })
})

test('of two dead peers with the only copies, one is refused, also when both are forgotten concurrently', async () => {
  await using cluster = await IndexCluster.start()
  const owner = await cluster.peer('peer1')
  const keeper = await cluster.peer('peer2')
  await owner.announce({ name: 'a', text: 'a' })
  await cluster.advance(5_000)
  for (const peer of [owner, keeper]) await peer.ask('leave', { forGood: true })
  for (const peer of [owner, keeper]) peer.crash()
  const other = await cluster.peer('peer3')
  const forgets = ['peer1', 'peer2'].map((peerId) => other.request('forget-peer', { peerId }))
  const codes = await cluster.run(Promise.all(forgets.map(codeOf)))
  expect(codes).toEqual(['ok', 'FORGET_LOSES'])
  expect(await namesOf(other)).toEqual(['a'])
})

test('one that returns is a new peer: it announces everything, what it unshared stays unshared', async () => {
  await using folder = await temporaryFolder()
  const { cluster, owner, other } = await aDeadOwner({ data: folder.path })
  await using _cluster = cluster
  await owner.connect()
  await owner.ask('unshare', { name: 'a' })
  await owner.ask('drain', { peerId: 'peer1' })
  owner.crash()
  await cluster.advance(deadMs)
  await other.ask('forget-peer', { peerId: 'peer1' })
  await cluster.stopIndex()
  await cluster.startIndex()
  await other.connect()
  expect(await statesOf(other)).not.toHaveProperty('peer1')

  const returned = await cluster.peer('peer1', { identity: 'b'.repeat(64) })
  expect(returned.seenSeq).toBe(0)
  await returned.announce({ name: 'a', text: 'a' }, { name: 'b', text: 'b' })
  await cluster.advance(5_000)
  expect(await namesOf(other)).toEqual(['b'])
  expect(await other.ask('status', {})).not.toHaveProperty('peerNotes')
})

test('a returning peer waits until it is forgotten', async () => {
  const { cluster, owner, other } = await aDeadOwner()
  await using _cluster = cluster
  const forgetting = other.request('forget-peer', { peerId: 'peer1' })
  // The request arrives before the peer does.
  await turn()
  const returning = owner.connect()
  expect(await cluster.run(forgetting)).toEqual({ done: true })
  await cluster.run(returning)
  expect(owner.seenSeq).toBe(0)
  await owner.announceAll()
  await cluster.advance(5_000)
  expect(await statesOf(other)).toMatchObject({ peer1: 'live' })
  expect(await namesOf(other)).toEqual(['a', 'b'])
})
