import { describe, expect, test } from 'vitest'
import type { ExplainedContent } from '../../common/protocol/messages.ts'
import { contentOf, IndexCluster, type TestPeer } from '../testing/index-cluster.ts'

const trimAfterMs = 100_000
const heartbeatsMs = 2_000

const dropsOf = ({ tasks }: TestPeer): string[] =>
  tasks.flatMap((task) => (task.kind === 'drop' ? [task.name] : []))

async function explained(asker: TestPeer): Promise<ExplainedContent> {
  const { contents } = await asker.ask('why', { name: 'a' })
  const [content] = contents
  if (content === undefined) throw new Error('nothing is explained')
  return content
}

async function holdersOf(asker: TestPeer): Promise<string[]> {
  const { copies } = await explained(asker)
  return copies.map(({ peerId, kind }) => `${peerId} ${kind}`).toSorted()
}

/** Whether the index lets this peer drop its replica of `a` now. */
async function mayDrop(peer: TestPeer): Promise<boolean | undefined> {
  const copies = [{ owner: 'peer1', name: 'a', sha256: contentOf('a').sha256 }]
  return (await peer.ask('confirm-drops', { copies })).confirmed[0]
}

/** A file `a` of peer1 whose replica on peer2 was healed to peer3 while peer2 was dead, and is back now. */
async function aHealedFile(settings = {}) {
  const cluster = await IndexCluster.start({ trimAfterMs, ...settings })
  const owner = await cluster.peer('peer1')
  const returned = await cluster.peer('peer2')
  await owner.shares('a')
  await cluster.advance(3_000)
  returned.crash()
  const healed = await cluster.peer('peer3')
  await cluster.advance(70_000)
  expect(await holdersOf(owner)).toEqual(['peer1 shared', 'peer2 replicated', 'peer3 replicated'])
  await returned.connect()
  await cluster.advance(heartbeatsMs)
  return { cluster, owner, returned, healed, peers: [owner, returned, healed] }
}

describe('a peer that returns after its files were healed', () => {
  test('leaves the content at its factor after a while; the original and one replica stay', async () => {
    const { cluster, owner, returned, healed } = await aHealedFile()
    await using _cluster = cluster
    const surplus = '1 copy more than needed: it waits for'
    expect((await explained(owner)).surplus).toMatch(surplus)
    expect(await owner.ask('status', {})).toMatchObject({
      atFactor: 1,
      aboveFactor: 1,
      belowFactor: 0,
      tasks: { waiting: 0, running: 0 },
    })
    await cluster.advance(trimAfterMs - 10_000)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual([])
    await cluster.advance(15_000)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual(['a'])
    expect(await holdersOf(owner)).toHaveLength(2)
    expect(await holdersOf(owner)).toContain('peer1 shared')
    expect((await explained(owner)).surplus).toBeUndefined()
    expect(await owner.ask('status', {})).not.toHaveProperty('aboveFactor')
  })

  test('is not counted on by others from when it may drop its replica', async () => {
    const { cluster, owner, returned, healed } = await aHealedFile()
    await using _cluster = cluster
    for (const peer of [returned, healed]) peer.answer = undefined
    await cluster.advance(trimAfterMs + 5_000)
    const lackingWithout = async (peerId: string) =>
      (await owner.ask('safety', { peerId })).lacking.files
    expect(await lackingWithout('peer3')).toBe(0)
    expect(await mayDrop(returned)).toBe(true)
    expect(await lackingWithout('peer3')).toBe(1)
  })

  test('is not trimmed while it comes and goes', async () => {
    const { cluster, returned, healed } = await aHealedFile()
    await using _cluster = cluster
    for (let times = 0; times < 6; times++) {
      await cluster.advance(trimAfterMs - 20_000)
      returned.crash()
      await cluster.advance(25_000)
      await returned.connect()
    }
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual([])
    await cluster.advance(trimAfterMs + 20_000)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual(['a'])
  })

  test('causes no trimming when the owner is away for a moment as well', async () => {
    const { cluster, owner, returned, healed } = await aHealedFile()
    await using _cluster = cluster
    await cluster.advance(trimAfterMs - 10_000)
    owner.crash()
    await cluster.advance(20_000)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual([])
    expect((await explained(healed)).surplus).toMatch('it waits for peer1 to be live for 100 s')
    await owner.connect()
    await cluster.advance(trimAfterMs - 10_000)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual([])
    await cluster.advance(20_000)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual(['a'])
  })

  test('leaves every copy when it dies again before anything is trimmed', async () => {
    const { cluster, owner, returned, healed } = await aHealedFile()
    await using _cluster = cluster
    await cluster.advance(trimAfterMs - 20_000)
    returned.crash()
    await cluster.advance(2 * trimAfterMs)
    expect(dropsOf(healed)).toEqual([])
    expect((await explained(owner)).surplus).toBeUndefined()
  })

  test('trims nothing for a copy that was lost meanwhile: that is made again first', async () => {
    const { cluster, owner, returned, healed } = await aHealedFile()
    await using _cluster = cluster
    await cluster.advance(trimAfterMs - 20_000)
    // Two of the three copies are gone.
    await owner.announce({ name: 'a' })
    await healed.announce({ kind: 'replicated', owner: 'peer1', name: 'a' })
    healed.tasks.length = 0
    await cluster.advance(3_000)
    expect(healed.tasks).toMatchObject([{ kind: 'replicate' }])
    await cluster.advance(2 * trimAfterMs)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual([])
    expect(await holdersOf(returned)).toEqual(['peer2 replicated', 'peer3 replicated'])
  })
})

test('all replicas beyond the factor go, one after the other', async () => {
  await using cluster = await IndexCluster.start({ trimAfterMs })
  const owner = await cluster.peer('peer1')
  await owner.shares('a')
  const replica = { kind: 'replicated', owner: 'peer1', name: 'a', text: 'a' } as const
  const keepers = []
  for (const peerId of ['peer2', 'peer3', 'peer4', 'peer5']) {
    const keeper = await cluster.peer(peerId)
    await keeper.announce(replica)
    keepers.push(keeper)
  }
  await cluster.advance(heartbeatsMs)
  expect((await explained(owner)).surplus).toMatch(/^3 copies more than needed/)
  await cluster.advance(trimAfterMs + 30_000)
  expect(keepers.flatMap(dropsOf)).toEqual(['a', 'a', 'a'])
  expect(await holdersOf(owner)).toHaveLength(2)
})

test('a peer with a content under several names drops all of them together', async () => {
  await using cluster = await IndexCluster.start({ trimAfterMs })
  const owner = await cluster.peer('peer1')
  const [keeper, user] = [await cluster.peer('peer2'), await cluster.peer('peer3')]
  await owner.announce({ name: 'a', text: 'a' }, { name: 'b', text: 'a' })
  await user.announce({ kind: 'downloaded', name: 'a', text: 'a' })
  const replica = { kind: 'replicated', owner: 'peer1', text: 'a' } as const
  await keeper.announce({ ...replica, name: 'a' }, { ...replica, name: 'b' })
  await cluster.advance(trimAfterMs + 10_000)
  expect(dropsOf(keeper)).toEqual(['a', 'b'])
  expect(await holdersOf(owner)).toEqual(['peer1 shared', 'peer1 shared', 'peer3 downloaded'])
})

test('shared and downloaded copies are never trimmed, but the replica beside one is', async () => {
  await using cluster = await IndexCluster.start({ trimAfterMs })
  const owner = await cluster.peer('peer1')
  const [user, other] = [await cluster.peer('peer2'), await cluster.peer('peer3')]
  await owner.shares('a')
  await user.announce({ kind: 'downloaded', name: 'a', text: 'a' })
  await other.announce({ name: 'b', text: 'a' })
  await cluster.advance(2 * trimAfterMs)
  expect([owner, user, other].flatMap(({ tasks }) => tasks)).toEqual([])
  await user.announce({ kind: 'replicated', owner: 'peer1', name: 'a', text: 'a' })
  await cluster.advance(trimAfterMs + 10_000)
  expect([owner, user, other].map(dropsOf)).toEqual([[], ['a'], []])
  expect(await holdersOf(owner)).toEqual(['peer1 shared', 'peer2 downloaded', 'peer3 shared'])
})

test('a surplus in one zone goes there; a copy that is alone in its zone stays', async () => {
  await using cluster = await IndexCluster.start({ trimAfterMs })
  const owner = await cluster.peer('peer1', { zone: 'x' })
  const [near, far] = [
    await cluster.peer('peer2', { zone: 'x' }),
    await cluster.peer('peer3', { zone: 'y' }),
  ]
  await owner.shares('a')
  const replica = { kind: 'replicated', owner: 'peer1', name: 'a', text: 'a' } as const
  await far.announce(replica)
  await near.announce(replica)
  await cluster.advance(trimAfterMs + 20_000)
  expect([near, far].map(dropsOf)).toEqual([['a'], []])
  await near.announce({ kind: 'downloaded', name: 'a', text: 'a' })
  await cluster.advance(2 * trimAfterMs)
  expect(dropsOf(far)).toEqual([])
  expect(await owner.ask('status', {})).not.toHaveProperty('aboveFactor')
})

describe('right before a replica is deleted', () => {
  test('the remaining holders confirm their copies; without that it stays and is tried again', async () => {
    const { cluster, owner, returned, healed, peers } = await aHealedFile()
    await using _cluster = cluster
    owner.confirms = () => false
    await cluster.advance(trimAfterMs + 10_000)
    expect(peers.flatMap(dropsOf)).toEqual(['a'])
    expect(await holdersOf(owner)).toHaveLength(3)
    expect((await explained(owner)).surplus).toMatch(
      /dropping it on peer\d failed with STILL_NEEDED/,
    )
    owner.confirms = () => true
    await cluster.advance(120_000)
    expect([...dropsOf(returned), ...dropsOf(healed)]).toHaveLength(2)
    expect(await holdersOf(owner)).toHaveLength(2)
  })

  test('a holder that does not answer confirms nothing', async () => {
    const { cluster, owner, returned, healed } = await aHealedFile()
    await using _cluster = cluster
    for (const peer of [owner, returned, healed]) peer.answer = undefined
    await cluster.advance(trimAfterMs)
    owner.confirms = () => new Promise<boolean>(() => {})
    expect(await mayDrop(healed)).toBe(false)
    owner.confirms = () => true
    expect(await mayDrop(healed)).toBe(true)
  })

  test('the index decides anew: not while a holder is suspect, dead, doubted, or has just returned', async () => {
    const { cluster, owner, returned, healed, peers } = await aHealedFile()
    await using _cluster = cluster
    for (const peer of peers) peer.answer = undefined
    expect(await mayDrop(healed)).toBe(false)
    await cluster.advance(trimAfterMs)
    owner.crash()
    await cluster.advance(1_000)
    expect(await mayDrop(healed)).toBe(false)
    await cluster.advance(60_000)
    expect(await mayDrop(healed)).toBe(false)
    await owner.connect()
    await cluster.advance(heartbeatsMs)
    expect(await mayDrop(healed)).toBe(false)
    await cluster.advance(trimAfterMs)
    await healed.ask('accuse', { peerId: 'peer1', sha256: contentOf('a').sha256 })
    expect(await mayDrop(healed)).toBe(false)
    expect(await mayDrop(returned)).toBe(false)
    await owner.announce({ name: 'a', text: 'a' })
    expect(await mayDrop(healed)).toBe(true)
  })

  test('of two that ask at the same moment one may drop, and the other only when there is enough again', async () => {
    const { cluster, owner, returned, healed, peers } = await aHealedFile()
    await using _cluster = cluster
    for (const peer of peers) peer.answer = undefined
    await cluster.advance(trimAfterMs)
    expect(await Promise.all([mayDrop(returned), mayDrop(healed)])).toEqual([true, false])
    expect(await mayDrop(healed)).toBe(false)
    // Asking again changes nothing: it may not have received the answer.
    expect(await mayDrop(returned)).toBe(true)
    await returned.announce({ kind: 'replicated', owner: 'peer1', name: 'a' })
    expect(await mayDrop(healed)).toBe(false)
    const third = await cluster.peer('peer4')
    await third.announce({ kind: 'downloaded', name: 'a', text: 'a' })
    await cluster.advance(trimAfterMs)
    expect(await mayDrop(healed)).toBe(true)
    expect(await holdersOf(owner)).toHaveLength(3)
  })

  test('a granted drop that is never announced does not block the content for ever', async () => {
    const { cluster, returned, healed, peers } = await aHealedFile()
    await using _cluster = cluster
    for (const peer of peers) peer.answer = undefined
    await cluster.advance(trimAfterMs)
    expect(await mayDrop(returned)).toBe(true)
    await cluster.advance(200_000)
    expect(await mayDrop(healed)).toBe(false)
    await cluster.advance(101_000)
    expect(await mayDrop(healed)).toBe(true)
  })

  test('an announcement that crosses counts: a copy that went while the holders were asked', async () => {
    const { cluster, owner, returned, healed, peers } = await aHealedFile()
    await using _cluster = cluster
    for (const peer of peers) peer.answer = undefined
    await cluster.advance(trimAfterMs)
    owner.confirms = async () => {
      await returned.announceNow({ kind: 'replicated', owner: 'peer1', name: 'a' })
      return true
    }
    expect(await mayDrop(healed)).toBe(false)
  })

  test('a peer is told no about replicas that it does not have', async () => {
    const { cluster, owner } = await aHealedFile()
    await using _cluster = cluster
    await cluster.advance(trimAfterMs)
    expect(await mayDrop(owner)).toBe(false)
  })
})

test('an index that has restarted trims nothing until all have been live for a while again', async () => {
  const { cluster, owner, returned, healed, peers } = await aHealedFile()
  await using _cluster = cluster
  await cluster.advance(trimAfterMs - 10_000)
  await cluster.stopIndex()
  await cluster.startIndex()
  for (const peer of peers) {
    await peer.connect()
    await peer.announce({ name: `other of ${peer.peerId}`, text: 'x' })
  }
  await owner.announce({ name: 'a', text: 'a' })
  const replica = { kind: 'replicated', owner: 'peer1', name: 'a', text: 'a' } as const
  for (const keeper of [returned, healed]) await keeper.announce(replica)
  await cluster.advance(trimAfterMs - 10_000)
  expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual([])
  await cluster.advance(20_000)
  expect([...dropsOf(returned), ...dropsOf(healed)]).toEqual(['a'])
})
