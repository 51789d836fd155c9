import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { limits } from '../common/limits.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { IndexCluster, TestPeer } from './testing/index-cluster.ts'

/** Time for decisions to reach the peers. */
const sendMs = 2_000
const hourMs = 3_600_000

/** Loses the index with its disk, and starts another one in its place. */
async function loseIndex(cluster: IndexCluster): Promise<void> {
  await cluster.stopIndex()
  await cluster.startIndex()
}

async function startWorld() {
  const cluster = await IndexCluster.start()
  const peers = [
    await cluster.peer('peer1'),
    await cluster.peer('peer2'),
    await cluster.peer('peer3'),
  ] as const
  return { cluster, peers }
}

const setRule = async (peer: TestPeer, pattern: string, factor?: number): Promise<void> => {
  await peer.ask('set-replication', { pattern, ...(factor !== undefined && { factor }) })
}
const rulesOf = async (peer: TestPeer): Promise<string[]> => {
  const { rules } = await peer.ask('replication-rules', {})
  return rules.map(({ pattern, factor }) => `${pattern} ${factor}`)
}
const names = async (peer: TestPeer): Promise<string[]> => {
  const { files } = await peer.ask('search', { query: '', limit: 100 })
  return files.map(({ name }) => name)
}

describe('peers keep the decisions of their index', () => {
  test('those that are there, those that come later, and what changes', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [peer1, peer2] = peers
    await setRule(peer1, 'a', 3)
    await cluster.advance(sendMs)
    for (const { kept } of peers) expect(kept.inForce).toEqual({ 'replication a': { factor: 3 } })
    await setRule(peer1, 'a')
    await setRule(peer1, 'b', 1)
    const later = await cluster.peer('peer4')
    await cluster.advance(sendMs)
    for (const { kept } of [...peers, later])
      expect(kept.inForce).toEqual({ 'replication b': { factor: 1 } })
    expect(peer2.kept.state).toEqual(peer1.kept.state)
  })

  test('a peer that has everything is sent nothing when it returns', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [peer1, peer2] = peers
    await setRule(peer1, 'a', 3)
    await cluster.advance(sendMs)
    const { pages } = peer2.kept
    peer2.crash()
    await peer2.connect()
    await cluster.advance(sendMs)
    expect(peer2.kept.pages).toBe(pages)
    peer2.crash()
    await setRule(peer1, 'b', 3)
    await peer2.connect()
    await cluster.advance(sendMs)
    expect(peer2.kept.pages).toBe(pages + 1)
    expect(Object.keys(peer2.kept.inForce)).toEqual(['replication a', 'replication b'])
  })

  test('more decisions than a page are sent and read back in pages', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [peer1] = peers
    const count = 2 * limits.intentRecordsPerPage + 1
    const unshared = Array.from({ length: count }, (_, index) => ({
      op: 'unshare' as const,
      seq: index + 1,
      name: `file ${index}`,
    }))
    for (let seq = 0; seq < count; seq += 1_500)
      await peer1.ask('announce', {
        epoch: peer1.epoch,
        previousSeq: seq,
        lastSeq: Math.min(count, seq + 1_500),
        changes: unshared.slice(seq, seq + 1_500),
        ...(seq === 0 && { begin: true, end: true }),
      })
    await cluster.advance(sendMs)
    expect(Object.keys(peer1.kept.inForce)).toHaveLength(count)
    await loseIndex(cluster)
    const fresh = await cluster.peer('peer9')
    await peer1.connect()
    await cluster.advance(sendMs)
    expect(Object.keys(fresh.kept.inForce)).toHaveLength(count)
    expect(peer1.kept.reads).toBe(3)
  })
})

describe('an index that lost its disk', () => {
  test('has the rules back with the first peer, and the latest ones with the newest copy', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [peer1, peer2, peer3] = peers
    await setRule(peer1, 'a', 3)
    await setRule(peer1, 'gone', 3)
    await cluster.advance(sendMs)
    peer2.crash()
    await setRule(peer1, 'a', 4)
    await setRule(peer1, 'gone')
    await cluster.advance(sendMs)
    await loseIndex(cluster)
    await peer2.connect()
    await cluster.advance(sendMs)
    expect(await rulesOf(peer2)).toEqual(['gone 3', 'a 3'])
    await peer3.connect()
    await cluster.advance(sendMs)
    expect(await rulesOf(peer2)).toEqual(['a 4'])
    expect(peer2.kept.inForce).toEqual({ 'replication a': { factor: 4 } })
    await cluster.advance(10_000)
    const restored = { limit: 9, kinds: ['decisions-restored' as const] }
    const { events } = await peer2.ask('events', restored)
    const found = events.map(({ peerId, reason }) => `${peerId}: ${reason}`)
    expect(found.toSorted()).toEqual(['peer2: 2 decisions', 'peer3: 2 decisions'])
    // It has everything: the next one is not asked.
    await peer1.connect()
    await cluster.advance(sendMs)
    expect(peer1.kept.reads).toBe(0)
  })

  test('does not bring back a file that was unshared while its holder was away', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [owner, holder, bystander] = peers
    holder.freeBytes = 2_000_000_000
    await owner.shares('secret')
    await cluster.advance(5_000)
    const keeper = [holder, bystander].find(({ tasks }) => tasks.length > 0) as TestPeer
    const other = keeper === holder ? bystander : holder
    keeper.crash()
    await owner.ask('unshare', { name: 'secret' })
    await cluster.advance(sendMs)
    await loseIndex(cluster)
    // The owner has lost its disk, too.
    await other.connect()
    await keeper.connect()
    await keeper.announceAll()
    await cluster.advance(sendMs)
    expect(await names(other)).toEqual([])
    await cluster.advance(120_000)
    expect(keeper.tasks.filter(({ kind }) => kind === 'drop')).toHaveLength(1)
  })

  test('hides such a file when a later copy of the decisions arrives', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [owner, holder, bystander] = peers
    await owner.shares('secret')
    await cluster.advance(5_000)
    const keeper = [holder, bystander].find(({ tasks }) => tasks.length > 0) as TestPeer
    const other = keeper === holder ? bystander : holder
    keeper.crash()
    await owner.ask('unshare', { name: 'secret' })
    await cluster.advance(sendMs)
    await loseIndex(cluster)
    await keeper.connect()
    await keeper.announceAll()
    expect(await names(keeper)).toEqual(['secret'])
    await other.connect()
    await cluster.advance(sendMs)
    expect(await names(keeper)).toEqual([])
    expect(await names(other)).toEqual([])
  })

  test('keeps a deleted file in the trash, although its owner is gone', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [owner, ...others] = peers
    await owner.shares('old')
    // A file that is deleted within a minute is not kept.
    await cluster.advance(90_000)
    await owner.removes('old')
    await cluster.advance(10_000)
    await loseIndex(cluster)
    for (const peer of others) {
      await peer.connect()
      await peer.announceAll()
    }
    await cluster.advance(sendMs)
    expect(await names(others[0])).toEqual([])
    const { files } = await others[0].ask('trash', { limit: 9 })
    expect(files).toMatchObject([{ owner: 'peer1', name: 'old' }])
  })

  test('knows its drained peers and those in maintenance', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [peer1, peer2, peer3] = peers
    await peer1.ask('drain', { peerId: 'peer2' })
    await peer1.ask('maintain', { peerId: 'peer3', forMs: hourMs })
    await cluster.advance(sendMs)
    await loseIndex(cluster)
    for (const peer of [peer1, peer2, peer3]) await peer.connect()
    await cluster.advance(sendMs)
    expect(await peer1.ask('undrain', { peerId: 'peer2' })).toEqual({ wasDrained: true })
    expect(await peer1.ask('maintain', { peerId: 'peer3' })).toEqual({ wasInMaintenance: true })
  })
})

describe('an established index', () => {
  test('takes nothing from a peer of another cluster, and replaces what it keeps', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [peer1, peer2] = peers
    await setRule(peer1, 'theirs', 9)
    await cluster.advance(sendMs)
    await loseIndex(cluster)
    await cluster.advance(hourMs)
    const own = await cluster.peer('own')
    await setRule(own, 'ours', 3)
    await peer2.connect()
    await cluster.advance(sendMs)
    expect(await rulesOf(own)).toEqual(['ours 3'])
    expect(peer2.kept.reads).toBe(0)
    expect(peer2.kept.inForce).toEqual({ 'replication ours': { factor: 3 } })
  })

  test('still takes later decisions of the log that it continues', async () => {
    const { cluster, peers } = await startWorld()
    await using _cluster = cluster
    const [peer1, peer2, peer3] = peers
    await setRule(peer1, 'early', 3)
    await cluster.advance(sendMs)
    peer2.crash()
    await setRule(peer1, 'late', 4)
    await cluster.advance(sendMs)
    await loseIndex(cluster)
    await peer2.connect()
    await cluster.advance(hourMs + sendMs)
    expect(await rulesOf(peer2)).toEqual(['early 3'])
    await peer3.connect()
    await cluster.advance(sendMs)
    expect(await rulesOf(peer2)).toEqual(['late 4', 'early 3'])
  })

  test('whose database was replaced by an older copy gets the later decisions back', async () => {
    await using folder = await temporaryFolder()
    await using cluster = await IndexCluster.start({ data: folder.path })
    const peer1 = await cluster.peer('peer1')
    const peer2 = await cluster.peer('peer2')
    await setRule(peer1, 'early', 3)
    await cluster.advance(hourMs)
    const older = await cluster.copyDatabaseTo(join(folder.path, 'older'))
    await setRule(peer1, 'late', 4)
    await setRule(peer1, 'later', 4)
    await cluster.advance(sendMs)
    await cluster.stopIndex()
    await cluster.startIndex({ data: older })
    const fresh = await cluster.peer('peer3')
    await setRule(fresh, 'latest', 5)
    await peer1.connect()
    await peer2.connect()
    await cluster.advance(sendMs)
    expect(await rulesOf(fresh)).toEqual(['latest 5', 'later 4', 'late 4', 'early 3'])
    for (const { kept } of [peer1, peer2, fresh]) expect(Object.keys(kept.inForce)).toHaveLength(4)
    expect(peer1.kept.state).toEqual(fresh.kept.state)
  })
})

const logId = 'f'.repeat(16)
/** A rule in another log. */
const theirs = (revision: number, key: string) => ({
  kind: 'replication' as const,
  key,
  value: JSON.stringify({ factor: 3 }),
  changedMs: revision,
  revision,
})

describe('a peer’s own index in a mesh', () => {
  /** Another member keeps only what its own index decides. */
  async function memberWith(cluster: IndexCluster): Promise<TestPeer> {
    const member = await cluster.peer('peer2')
    member.crash()
    member.kept.keep({ logId, after: 0, revision: 1, isLast: true, records: [theirs(1, 'early')] })
    await member.connect()
    return member
  }

  /** The mirror of a member takes what the own index sends it, and keeps nothing. */
  function keepNothing({ kept }: TestPeer): { decide(...keys: string[]): void } {
    const keep = kept.keep.bind(kept)
    kept.keep = ({ revision }) => ({ revision })
    return {
      decide(...keys) {
        const after = kept.state?.revision ?? 0
        const records = keys.map((key, place) => theirs(after + place + 1, key))
        keep({ logId, after, revision: after + keys.length, isLast: true, records })
      },
    }
  }

  test('takes over the decisions of all others, at registration and when it hears of more', async () => {
    await using cluster = await IndexCluster.start({}, 'peer1')
    const own = await cluster.peer('peer1')
    await setRule(own, 'ours', 4)
    // The database is no longer new.
    await cluster.advance(2 * hourMs)
    const member = await memberWith(cluster)
    const log = keepNothing(member)
    await cluster.advance(sendMs)
    expect((await rulesOf(own)).toSorted()).toEqual(['early 3', 'ours 4'])
    log.decide('late')
    const { reads } = member.kept
    const heartbeat = { ...member.room, intent: { logId, revision: 2 } }
    await member.ask('heartbeat', heartbeat)
    await cluster.advance(sendMs)
    expect((await rulesOf(own)).toSorted()).toEqual(['early 3', 'late 3', 'ours 4'])
    expect(member.kept.reads).toBe(reads + 1)
    // The same again is no news.
    await member.ask('heartbeat', heartbeat)
    await cluster.advance(sendMs)
    expect(member.kept.reads).toBe(reads + 1)
    const { events } = await own.ask('events', { limit: 100 })
    expect(events.map(({ kind }) => kind)).not.toContain('decisions-restored')
  })
})

describe('decisions of peers’ own indexes while this one is away', () => {
  /** A peer keeps decisions of its own index, from the first revision on. */
  function decided({ otherKept }: TestPeer, ...keys: string[]): void {
    const after = otherKept.state?.revision ?? 0
    const records = keys.map((key, place) => theirs(after + place + 1, key))
    otherKept.keep({ logId, after, revision: after + keys.length, isLast: true, records })
  }

  async function oldIndexWith(peerId: string): Promise<{ cluster: IndexCluster; peer: TestPeer }> {
    const cluster = await IndexCluster.start()
    // The database is no longer new.
    await cluster.advance(2 * hourMs)
    const peer = await cluster.peer(peerId)
    return { cluster, peer }
  }

  test('are read when a peer is back, and when it hears of more', async () => {
    const { cluster, peer } = await oldIndexWith('peer1')
    await using _cluster = cluster
    peer.crash()
    decided(peer, 'long ago')
    await peer.connect()
    await cluster.advance(sendMs)
    // It may come from another cluster.
    expect(await rulesOf(peer)).toEqual([])
    peer.crash()
    decided(peer, 'meanwhile')
    await peer.connect()
    await cluster.advance(sendMs)
    expect(await rulesOf(peer)).toEqual(['meanwhile 3'])
    expect(peer.kept.inForce).toEqual({ 'replication meanwhile': { factor: 3 } })
    decided(peer, 'elsewhere')
    await peer.ask('heartbeat', { ...peer.room, otherIntent: { logId, revision: 3 } })
    await cluster.advance(sendMs)
    expect((await rulesOf(peer)).toSorted()).toEqual(['elsewhere 3', 'meanwhile 3'])
    // Nothing is read twice.
    expect(peer.otherKept.reads).toBe(2)
    await peer.ask('heartbeat', { ...peer.room, otherIntent: { logId, revision: 3 } })
    peer.crash()
    await peer.connect()
    await cluster.advance(sendMs)
    expect(peer.otherKept.reads).toBe(2)
    expect(peer.kept.reads).toBe(0)
  })

  test('reach a peer’s own index from the index of the cluster', async () => {
    await using cluster = await IndexCluster.start({}, 'peer1')
    const own = await cluster.peer('peer1')
    await cluster.advance(2 * hourMs)
    decided(own, 'of the cluster')
    await own.ask('heartbeat', { ...own.room, otherIntent: { logId, revision: 1 } })
    await cluster.advance(sendMs)
    expect(await rulesOf(own)).toEqual(['of the cluster 3'])
  })
})

describe('in a mesh, decisions of others', () => {
  const dayMs = 24 * hourMs

  /** What a mesh member's index says of rules that a peer of another log keeps, decided so much ahead. */
  async function rulesAfter(aheadMs: number, ownPeerId?: string): Promise<string[]> {
    await using cluster = await IndexCluster.start({}, ownPeerId)
    const own = await cluster.peer('own')
    const other = new TestPeer(cluster, 'other', {})
    const changedMs = Math.floor(cluster.clock.nowMs() + aheadMs)
    other.kept.keep({
      logId: 'f'.repeat(16),
      after: 0,
      revision: 1,
      isLast: true,
      records: [{ kind: 'replication', key: 'a', value: '{"factor":3}', changedMs, revision: 1 }],
    })
    await other.connect()
    await cluster.advance(sendMs)
    return await rulesOf(own)
  }

  test.each([
    [-dayMs, ['a 3']],
    [hourMs, ['a 3']],
    [dayMs + hourMs, []],
    [Number.MAX_SAFE_INTEGER - 10 * 365 * 60 * dayMs, []],
  ])('that are %i ms ahead', async (aheadMs, rules) => {
    expect(await rulesAfter(aheadMs, 'own')).toEqual(rules)
  })

  test('an index alone reads its own back, however far ahead its clock was', async () => {
    expect(await rulesAfter(10 * dayMs)).toEqual(['a 3'])
  })
})
