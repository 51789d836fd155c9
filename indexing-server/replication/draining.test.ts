import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { codeOf, IndexCluster, missing, type TestPeer } from '../testing/index-cluster.ts'

const trimAfterMs = 60_000
const hour = 3_600_000

async function copiesOf(asker: TestPeer): Promise<Record<string, number>> {
  const { peers } = await asker.ask('peers', { limit: 100 })
  return Object.fromEntries(peers.map(({ peerId, copies }) => [peerId, copies]))
}

async function noteOf(asker: TestPeer, peerId: string) {
  const { peerNotes = [] } = await asker.ask('status', {})
  return peerNotes.find((note) => note.peerId === peerId)
}

async function stateOf(asker: TestPeer, peerId: string) {
  const { peers } = await asker.ask('peers', { limit: 100 })
  return peers.find((peer) => peer.peerId === peerId)?.state
}

const tasksOf = ({ tasks }: TestPeer): string[] => tasks.map(({ kind, name }) => `${kind} ${name}`)

/** Files `a` and `b` of peer1 with replicas on peer2, and two more peers. */
async function twoFiles(settings = {}) {
  const cluster = await IndexCluster.start({ trimAfterMs, ...settings })
  const owner = await cluster.peer('peer1')
  const leaver = await cluster.peer('peer2')
  await owner.announce({ name: 'a', text: 'a' }, { name: 'b', text: 'b' })
  await cluster.advance(3_000)
  const others = [await cluster.peer('peer3'), await cluster.peer('peer4')] as const
  return { cluster, owner, leaver, others, peers: [owner, leaver, ...others] }
}

describe('draining a peer', () => {
  test('makes its copies elsewhere, and says when it is done', async () => {
    const { cluster, owner, leaver, others } = await twoFiles()
    await using _cluster = cluster
    for (const other of others) other.answer = undefined
    await others[0].ask('drain', { peerId: 'peer2' })
    await cluster.advance(3_000)
    expect(await noteOf(owner, 'peer2')).toMatchObject({
      draining: { progress: { files: 2, lackingFiles: 2, lackingBytes: 2 } },
    })
    expect(await missing(owner, 'a')).toEqual([
      'peer2 is being drained: its copy does not count',
      expect.stringMatching(/^peer[34] has been making a copy for \d s$/),
    ])
    expect(await owner.ask('safety', { peerId: 'peer2' })).toEqual({
      held: { files: 2, bytes: 2 },
      alone: { files: 0, bytes: 0, names: [] },
      lacking: { files: 2, bytes: 2, names: ['a', 'b'] },
    })
    for (const other of others) {
      other.answer = () => undefined
      other.crash()
      await other.connect()
    }
    await cluster.advance(90_000)
    expect(await noteOf(owner, 'peer2')).toMatchObject({
      draining: { progress: { files: 2, lackingFiles: 0, lackingBytes: 0 } },
    })
    expect(await owner.ask('status', {})).toMatchObject({ belowFactor: 0 })
    expect(tasksOf(leaver).slice(2)).toEqual([])
  })

  test('gives it no new copies, and trims neither its replicas nor others', async () => {
    const { cluster, owner, leaver, peers } = await twoFiles()
    await using _cluster = cluster
    await owner.ask('drain', { peerId: 'peer2' })
    await cluster.advance(3_000)
    await owner.shares('c')
    await cluster.advance(10 * trimAfterMs)
    expect(await copiesOf(owner)).toMatchObject({ peer1: 3, peer2: 2 })
    expect(await owner.ask('status', {})).not.toHaveProperty('aboveFactor')
    expect(peers.flatMap(tasksOf).filter((task) => task.startsWith('drop'))).toEqual([])
    expect(tasksOf(leaver)).toEqual(['replicate a', 'replicate b'])
  })

  test('its replicas are neither trimmed nor counted when others are trimmed', async () => {
    const { cluster, owner, leaver, others, peers } = await twoFiles()
    await using _cluster = cluster
    await owner.ask('drain', { peerId: 'peer2' })
    await cluster.advance(5_000)
    // Each file is now on the owner, the drained peer, and one other: one of these fails and returns.
    others[0].crash()
    await cluster.advance(90_000)
    await others[0].connect()
    await cluster.advance(10 * trimAfterMs)
    const { peer1, peer2, peer3 = 0, peer4 = 0 } = await copiesOf(owner)
    expect({ peer1, peer2, others: peer3 + peer4 }).toEqual({ peer1: 2, peer2: 2, others: 2 })
    expect(tasksOf(leaver).filter((task) => task.startsWith('drop'))).toEqual([])
    expect(peers.flatMap(tasksOf).filter((task) => task.startsWith('drop')).length).toBeGreaterThan(
      0,
    )
  })

  test('lets its owner leave with its files kept elsewhere', async () => {
    const { cluster, owner, leaver, others } = await twoFiles()
    await using _cluster = cluster
    await leaver.ask('drain', { peerId: 'peer1' })
    await cluster.advance(5_000)
    owner.crash()
    await cluster.advance(90_000)
    const { belowFactor, paused } = await others[0].ask('status', {})
    expect({ belowFactor, paused }).toEqual({ belowFactor: 0, paused: undefined })
    expect(await copiesOf(leaver)).toMatchObject({ peer2: 2, peer3: 1, peer4: 1 })
  })

  test('a drained peer that leaves is no reason for the brake', async () => {
    const { cluster, owner, leaver, others } = await twoFiles()
    await using _cluster = cluster
    await owner.ask('drain', { peerId: 'peer2' })
    await cluster.advance(5_000)
    leaver.crash()
    others[1].crash()
    await cluster.advance(90_000)
    expect((await owner.ask('status', {})).paused).toBeUndefined()
    expect(await copiesOf(owner)).toMatchObject({ peer1: 2, peer3: 2 })
  })

  test('says how many files no peer can take, and why, instead of a time', async () => {
    const { cluster, owner, leaver, others } = await twoFiles()
    await using _cluster = cluster
    await owner.announce({ name: 'large', text: 'x'.repeat(1_000) })
    await cluster.advance(5_000)
    for (const other of [leaver, ...others]) other.capacityBytes = 10
    await cluster.advance(2_000)
    await owner.ask('drain', { peerId: 'peer1' })
    await cluster.advance(60_000)
    const { draining } = (await noteOf(owner, 'peer1')) ?? {}
    expect(draining?.progress).toEqual({
      files: 3,
      lackingFiles: 1,
      lackingBytes: 1_000,
      unplaceable: {
        files: 1,
        name: 'large',
        why: expect.stringMatching(
          /^peer\d lacks \d+ B for it: .*; peer\d lacks \d+ B for it: /,
        ) as string,
      },
    })
  })

  test('survives a restart of the index and of the peer', async () => {
    await using folder = await temporaryFolder()
    const { cluster, owner, leaver } = await twoFiles({ data: folder.path })
    await using _cluster = cluster
    await owner.ask('drain', { peerId: 'peer2' })
    await cluster.stopIndex()
    await cluster.startIndex()
    await Promise.all([owner, leaver].map((peer) => peer.connect()))
    await cluster.advance(3_000)
    expect(await noteOf(owner, 'peer2')).toHaveProperty('draining')
    expect(await missing(owner, 'a')).toContain('peer2 is being drained: its copy does not count')
  })

  test('ends with undrain: the copies that are too many are trimmed', async () => {
    const { cluster, owner } = await twoFiles()
    await using _cluster = cluster
    await owner.ask('drain', { peerId: 'peer2' })
    await cluster.advance(5_000)
    expect(await owner.ask('undrain', { peerId: 'peer2' })).toEqual({ wasDrained: true })
    expect(await owner.ask('undrain', { peerId: 'peer2' })).toEqual({ wasDrained: false })
    await cluster.advance(2 * trimAfterMs)
    const copies = Object.values(await copiesOf(owner))
    expect(copies.reduce((sum, count) => sum + count)).toBe(4)
    expect(await owner.ask('status', {})).not.toHaveProperty('peerNotes')
  })

  test('needs a peer that the index knows, and a place for the copies', async () => {
    await using cluster = await IndexCluster.start()
    const owner = await cluster.peer('peer1')
    await cluster.peer('peer2')
    expect(await codeOf(owner.ask('drain', { peerId: 'peer9' }))).toBe('PEER_UNKNOWN')
    expect(await codeOf(owner.ask('safety', { peerId: 'peer9' }))).toBe('PEER_UNKNOWN')
    const after = { peerId: 'peer1', after: '[0,1]' }
    expect(await codeOf(owner.ask('safety', after))).toBe('BAD_REQUEST')
    await owner.shares('a')
    await cluster.advance(5_000)
    await owner.ask('drain', { peerId: 'peer1' })
    await cluster.advance(5_000)
    expect(await missing(owner, 'a')).toEqual([
      'peer1 is being drained: its copy does not count',
      'no room for another copy: there is no other peer',
    ])
    const safety = await owner.ask('safety', { peerId: 'peer1' })
    expect([safety.alone.files, safety.lacking.files]).toEqual([0, 1])
    const why = 'no room for another copy: there is no other peer'
    expect(safety.unplaceable).toEqual({ files: 1, name: 'a', why })
  })
})

describe('maintenance', () => {
  test('a silent peer is not dead until the time is over', async () => {
    const { cluster, owner, leaver, others } = await twoFiles()
    await using _cluster = cluster
    await owner.ask('maintain', { peerId: 'peer2', forMs: hour / 2 })
    leaver.crash()
    await cluster.advance(hour / 2 - 10_000)
    expect(await stateOf(owner, 'peer2')).toBe('suspect')
    expect(others.flatMap(tasksOf)).toEqual([])
    expect((await noteOf(owner, 'peer2'))?.maintenance?.leftMs).toBeLessThanOrEqual(10_000)
    expect(await owner.ask('safety', { peerId: 'peer1' })).toMatchObject({ alone: { files: 2 } })
    await cluster.advance(20_000)
    expect(await stateOf(owner, 'peer2')).toBe('dead')
    expect(others.flatMap(tasksOf)).toHaveLength(2)
  })

  test('is no reason for the brake, and ends on request', async () => {
    const { cluster, owner, leaver, others } = await twoFiles()
    await using _cluster = cluster
    for (const peerId of ['peer2', 'peer3']) await owner.ask('maintain', { peerId, forMs: hour })
    await leaver.ask('leave', {})
    for (const peer of [leaver, others[0]]) peer.crash()
    await cluster.advance(90_000)
    expect((await owner.ask('status', {})).paused).toBeUndefined()
    expect(await stateOf(owner, 'peer2')).toBe('suspect')
    const end = { peerId: 'peer2' }
    expect(await owner.ask('maintain', end)).toEqual({ wasInMaintenance: true })
    expect(await owner.ask('maintain', end)).toEqual({ wasInMaintenance: false })
    expect(await stateOf(owner, 'peer2')).toBe('dead')
    await cluster.advance(5_000)
    expect(tasksOf(others[1])).toEqual(['replicate a', 'replicate b'])
  })

  test('a peer in maintenance is given copies only if no other can take them', async () => {
    const { cluster, owner, leaver, others } = await twoFiles()
    await using _cluster = cluster
    await owner.ask('maintain', { peerId: 'peer2', forMs: hour })
    await owner.shares('c')
    await cluster.advance(5_000)
    expect(await copiesOf(owner)).toMatchObject({ peer1: 3, peer2: 2 })
    for (const other of others) await other.ask('leave', { forGood: true })
    for (const other of others) other.crash()
    await owner.shares('d')
    await cluster.advance(5_000)
    expect(tasksOf(leaver).slice(2).toSorted()).toEqual(['replicate c', 'replicate d'])
  })

  test('must begin before the peer is dead, and lasts a day at most', async () => {
    const { cluster, owner, leaver } = await twoFiles()
    await using _cluster = cluster
    const tooLong = { peerId: 'peer2', forMs: 25 * hour }
    expect(await codeOf(owner.ask('maintain', tooLong))).toBe('BAD_REQUEST')
    leaver.crash()
    await cluster.advance(70_000)
    expect(await codeOf(owner.ask('maintain', { peerId: 'peer2', forMs: 1 }))).toBe('PEER_DEAD')
  })

  test('survives a restart of the index', async () => {
    await using folder = await temporaryFolder()
    const { cluster, owner, leaver, others } = await twoFiles({ data: folder.path })
    await using _cluster = cluster
    await owner.ask('maintain', { peerId: 'peer2', forMs: hour })
    leaver.crash()
    await cluster.stopIndex()
    await cluster.startIndex()
    await Promise.all([owner, ...others].map((peer) => peer.connect()))
    await cluster.advance(3_000)
    // The brake of the start does not wait for it either.
    expect((await owner.ask('status', {})).paused).toBeUndefined()
    await cluster.advance(120_000)
    expect(await stateOf(owner, 'peer2')).toBe('suspect')
    expect(others.flatMap(tasksOf)).toEqual([])
  })
})
