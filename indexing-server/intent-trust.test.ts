import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import type { ProvenIdentity } from '../common/identity/cluster-role.ts'
import type { IntentRecord, IntentState } from '../common/protocol/messages.ts'
import { IndexCluster, TestPeer } from './testing/index-cluster.ts'

/** Time for decisions to be read, and to reach the peers. */
const sendMs = 2_000
const hourMs = 3_600_000
const logId = 'f'.repeat(16)

/** The members of a secured cluster, with an old database. */
class SecuredIndex {
  readonly cluster: IndexCluster

  constructor(cluster: IndexCluster) {
    this.cluster = cluster
  }

  static async start(ageMs = 2 * hourMs): Promise<SecuredIndex> {
    const cluster = await IndexCluster.start()
    await cluster.advance(ageMs)
    return new SecuredIndex(cluster)
  }

  async connect(peer: TestPeer, role: 'admin' | 'peer' = 'peer'): Promise<void> {
    const { peerId: id } = peer
    const proven: ProvenIdentity = { role, id, generation: 1, isAuthority: false }
    this.cluster.proven.push(proven)
    await peer.connect()
    await this.cluster.advance(sendMs)
  }

  async member(id: string, role: 'admin' | 'peer' = 'peer'): Promise<TestPeer> {
    const peer = new TestPeer(this.cluster, id, {})
    await this.connect(peer, role)
    return peer
  }

  /** Records of decisions made now, numbered from `first` on. */
  records(first: number, decisions: Record<string, unknown>): IntentRecord[] {
    const changedMs = Math.floor(this.cluster.clock.nowMs())
    return Object.entries(decisions).map(([text, value], place) => {
      const [kind = '', ...key] = text.split(' ')
      const json = value === null ? null : JSON.stringify(value)
      return { kind, key: key.join(' '), value: json, changedMs, revision: first + place }
    })
  }

  async refusals(asker: TestPeer): Promise<string[]> {
    await this.cluster.advance(10_000)
    const { events } = await asker.ask('events', { limit: 99, kinds: ['decisions-refused'] })
    return events.map(({ peerId, reason }) => `${peerId}: ${reason?.split(': ')[1]}`).toSorted()
  }
}

/** What is in force, as a peer that keeps everything says. */
const inForce = ({ kept }: TestPeer): string[] => Object.keys(kept.inForce).toSorted()

function stateOf({ kept }: TestPeer): IntentState {
  assert(kept.state !== undefined)
  return kept.state
}

/** Decisions about others, and one of mallory about itself. */
const forged = {
  'replication **': { factor: 1 },
  'drain victim': true,
  'drain mallory': true,
  'maintenance victim': { untilMs: 9_000_000_000_000 },
  'unshared victim/a.txt': true,
  'trash victim/b.txt': { isKept: false },
}

test('a peer decides only about itself by what it says to keep for another index', async () => {
  const index = await SecuredIndex.start()
  await using cluster = index.cluster
  const admin = await index.member('admin', 'admin')
  const mallory = await index.member('mallory')
  await mallory.ask('heartbeat', { ...mallory.room, otherIntent: { logId, revision: 1 } })
  await cluster.advance(sendMs)
  const records = index.records(2, forged)
  mallory.otherKept.keep({ logId, after: 0, revision: 7, isLast: true, records })
  await mallory.ask('heartbeat', { ...mallory.room, otherIntent: { logId, revision: 7 } })
  await cluster.advance(sendMs)
  expect(inForce(admin)).toEqual(['drain mallory'])
  expect(await index.refusals(admin)).toEqual(['mallory: 5 decisions'])

  // What an admin keeps under the same name is read all the same.
  const other = await index.member('other-admin', 'admin')
  const theirs = index.records(8, { 'replication b': { factor: 2 } })
  await other.ask('heartbeat', { ...other.room, otherIntent: { logId, revision: 7 } })
  other.otherKept.keep({ logId, after: 0, revision: 8, isLast: true, records: theirs })
  await other.ask('heartbeat', { ...other.room, otherIntent: { logId, revision: 8 } })
  await cluster.advance(sendMs)
  expect(inForce(admin)).toEqual(['drain mallory', 'replication b'])
})

test('a peer decides only about itself by claiming later decisions of the log of the index', async () => {
  const index = await SecuredIndex.start()
  await using cluster = index.cluster
  const admin = await index.member('admin', 'admin')
  await admin.ask('set-replication', { pattern: 'a', factor: 3 })
  const mallory = await index.member('mallory')
  const own = stateOf(mallory)
  const claim = async (log = stateOf(mallory)): Promise<void> => {
    mallory.crash()
    const { logId, revision: after } = log
    const records = index.records(after + 1, forged)
    mallory.kept.keep({ logId, after, revision: after + records.length, isLast: true, records })
    await index.connect(mallory)
  }
  await claim()
  expect(inForce(admin)).toEqual(['drain mallory', 'replication a'])
  expect(await index.refusals(admin)).toEqual(['mallory: 5 decisions'])
  // The log has another name once, and no second time for a peer that is no admin.
  const renamed = stateOf(admin)
  expect(renamed.logId).not.toBe(own.logId)
  await claim()
  expect(stateOf(admin).logId).toBe(renamed.logId)
  expect(inForce(admin)).toEqual(['drain mallory', 'replication a'])

  // An admin with later decisions of the old log is still believed.
  const late = new TestPeer(cluster, 'late', {})
  const records = index.records(own.revision + 1, { 'replication late': { factor: 2 } })
  late.kept.keep({ logId: own.logId, after: 0, revision: own.revision + 1, isLast: true, records })
  await index.connect(late, 'admin')
  expect(inForce(admin)).toEqual(['drain mallory', 'replication a', 'replication late'])
})

test('an index that lost its disk has all decisions back from an admin, from others those about themselves', async () => {
  const index = await SecuredIndex.start()
  await using cluster = index.cluster
  const admin = await index.member('admin', 'admin')
  const peers = [await index.member('peer1'), await index.member('peer2')] as const
  await admin.ask('set-replication', { pattern: 'a', factor: 3 })
  await admin.ask('drain', { peerId: 'peer1' })
  await admin.ask('drain', { peerId: 'peer2' })
  await cluster.advance(sendMs)
  await cluster.stopIndex()
  await cluster.startIndex()
  const [peer1, peer2] = peers
  await index.connect(peer1)
  expect(inForce(peer1)).toEqual(['drain peer1'])
  expect(await index.refusals(peer1)).toEqual(['peer1: 2 decisions'])
  await index.connect(admin, 'admin')
  await index.connect(peer2)
  for (const peer of [admin, ...peers])
    expect(inForce(peer)).toEqual(['drain peer1', 'drain peer2', 'replication a'])
  // What the index has by now is not refused.
  expect(await index.refusals(peer1)).toEqual(['peer1: 2 decisions'])
})

test('a decision of a peer about itself that is from the future is not believed', async () => {
  const index = await SecuredIndex.start()
  await using cluster = index.cluster
  const admin = await index.member('admin', 'admin')
  const mallory = await index.member('mallory')
  const records = index
    .records(1, { 'drain mallory': true })
    .map((record) => ({ ...record, changedMs: record.changedMs + 100 * hourMs }))
  mallory.otherKept.keep({ logId, after: 0, revision: 1, isLast: true, records })
  await mallory.ask('heartbeat', { ...mallory.room, otherIntent: { logId, revision: 1 } })
  await cluster.advance(sendMs)
  expect(inForce(admin)).toEqual([])
})
