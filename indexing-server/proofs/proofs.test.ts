import { rm } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import {
  contentOf,
  IndexCluster,
  missing,
  proofOf,
  type TestPeer,
} from '../testing/index-cluster.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** New copies are challenged within this time. */
const soonMs = 11 * minuteMs

const weekly = { proofMs: 7 * dayMs, settleMs: 0 }

/** A peer without room that claims a replica of a file of `owner`. */
async function aClaimer(
  cluster: IndexCluster,
  peerId: string,
  file: { owner: string; name: string; text?: string },
): Promise<TestPeer> {
  const peer = await cluster.peer(peerId, { freeBytes: 0 })
  await claim(peer, file)
  return peer
}

async function claim(
  peer: TestPeer,
  { owner, name, text = name }: { owner: string; name: string; text?: string },
): Promise<void> {
  await peer.announce({ kind: 'replicated', owner, name, text })
}

/** It proves that it has other bytes than it should. */
function lies(peer: TestPeer, bytes = 'made up'): void {
  peer.proves = (challenge) => proofOf(challenge, bytes)
  peer.shows = ({ sha256 }) => Buffer.concat([Buffer.from(sha256, 'hex'), Buffer.from(bytes)])
}

/** Advances time in steps of a heartbeat. */
async function pass(cluster: IndexCluster, ms: number): Promise<void> {
  await cluster.advance(ms, 10_000)
}

async function countsOf(asker: TestPeer): Promise<unknown> {
  const { unproven, belowFactor } = await asker.ask('status', {})
  return { unproven, belowFactor }
}

async function eventsOf(asker: TestPeer): Promise<string[]> {
  const { events } = await asker.ask('events', {
    limit: 50,
    kinds: ['proof-failed', 'proof-passed'],
  })
  return events.map(({ kind, peerId, name, reason }) =>
    [kind, peerId, name, ...(reason === undefined ? [] : [reason])].join(' '),
  )
}

/** Who has the content of a name, and whether the copy counts. */
async function copiesOf(asker: TestPeer, name: string): Promise<Record<string, boolean>> {
  const { contents } = await asker.ask('why', { name })
  const copies = contents[0]?.copies ?? []
  return Object.fromEntries(copies.map(({ peerId, unproven }) => [peerId, unproven !== true]))
}

test('a claimed copy that its peer cannot prove does not count, and another is made; a restart changes nothing', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await IndexCluster.start({ ...weekly, data: folder.path })
  const owner = await cluster.peer('owner')
  await owner.shares('f')
  const liar = await aClaimer(cluster, 'liar', { owner: 'owner', name: 'f' })
  lies(liar)
  await cluster.advance(1_000)
  expect(await countsOf(owner)).toEqual({ unproven: undefined, belowFactor: 0 })
  await pass(cluster, soonMs)
  expect(liar.challenges).toHaveLength(1)
  expect(liar.challenges[0]?.nonce).toBe(owner.challenges[0]?.nonce)
  expect(await copiesOf(owner, 'f')).toEqual({ liar: false, owner: true })
  expect(await countsOf(owner)).toEqual({
    unproven: { copies: 1, peers: 1, distrusted: 0 },
    belowFactor: 1,
  })
  expect((await missing(owner, 'f'))[0]).toBe(
    'liar has not proven that it has its copy, which does not count until it does',
  )
  expect(await eventsOf(owner)).toEqual(['proof-failed liar f it has other bytes'])
  const { peers } = await owner.ask('peers', { limit: 9 })
  expect(peers.find(({ peerId }) => peerId === 'liar')).toMatchObject({
    unproven: { copies: 1, isDistrusted: false },
  })
  expect(await cluster.metricsText).toContain('tandem_index_proofs_total{outcome="wrong"} 1')

  // It says again that it has it.
  await claim(liar, { owner: 'owner', name: 'f' })
  expect(await copiesOf(owner, 'f')).toEqual({ liar: false, owner: true })
  await cluster.stopIndex()
  await cluster.startIndex()
  for (const peer of [owner, liar]) await peer.connect()
  expect(await copiesOf(owner, 'f')).toEqual({ liar: false, owner: true })

  const third = await cluster.peer('third')
  await cluster.advance(10_000)
  expect(third.tasks).toMatchObject([
    { kind: 'replicate', name: 'f', sources: [{ peerId: 'owner' }, { peerId: 'liar' }] },
  ])
  await pass(cluster, 2 * hourMs)
  expect(await copiesOf(owner, 'f')).toEqual({ liar: false, owner: true, third: true })
  expect(await countsOf(owner)).toMatchObject({ belowFactor: 0 })
  await rm(folder.path, { recursive: true, force: true })
})

test('many peers that agree on other bytes do not outvote an honest one', async () => {
  await using cluster = await IndexCluster.start(weekly)
  const owner = await cluster.peer('owner')
  await owner.shares('f')
  for (const peerId of ['liar1', 'liar2', 'liar3'])
    lies(await aClaimer(cluster, peerId, { owner: 'owner', name: 'f' }), 'agreed')
  await pass(cluster, soonMs)
  expect(await copiesOf(owner, 'f')).toEqual({
    liar1: false,
    liar2: false,
    liar3: false,
    owner: true,
  })
})

test('a copy counts again once it is shown, and only then', async () => {
  await using cluster = await IndexCluster.start(weekly)
  const owner = await cluster.peer('owner')
  await owner.shares('f')
  const peer = await aClaimer(cluster, 'peer', { owner: 'owner', name: 'f' })
  const honest = peer.shows
  lies(peer)
  await pass(cluster, soonMs)
  // It relays the proofs of others, but cannot show the chunk.
  peer.proves = (challenge) => proofOf(challenge, 'f')
  await claim(peer, { owner: 'owner', name: 'f' })
  await pass(cluster, hourMs)
  expect(peer.challenges.length).toBeGreaterThan(1)
  expect(await copiesOf(owner, 'f')).toEqual({ owner: true, peer: false })
  peer.shows = honest
  await claim(peer, { owner: 'owner', name: 'f' })
  await cluster.advance(10_000)
  expect(await copiesOf(owner, 'f')).toEqual({ owner: true, peer: true })
  expect(await countsOf(owner)).toEqual({ unproven: undefined, belowFactor: 0 })
  expect((await eventsOf(owner))[0]).toBe('proof-passed peer f')
})

test('a peer that may send little has the time to show a chunk, and is asked for few at a time', async () => {
  await using cluster = await IndexCluster.start(weekly)
  const owner = await cluster.peer('owner')
  const text = 'x'.repeat(2 ** 20)
  for (const name of ['f', 'g', 'h'])
    await owner.announce({ name, text: `${text}${name}`.slice(1) })
  const copies = ['f', 'g', 'h'].map((name) => {
    return { kind: 'replicated', owner: 'owner', name, text: `${text}${name}`.slice(1) } as const
  })
  const slow = await cluster.peer('slow', { freeBytes: 0 })
  const { shows } = slow
  let showing = 0
  let showingMost = 0
  slow.shows = async (wanted) => {
    showingMost = Math.max(showingMost, ++showing)
    await cluster.clock.sleep(100_000)
    showing -= 1
    return await shows(wanted)
  }
  const liar = await cluster.peer('liar', { freeBytes: 0 })
  lies(liar)
  for (const peer of [slow, liar]) await peer.announce(...copies)
  await pass(cluster, 2 * hourMs)
  for (const name of ['f', 'g', 'h'])
    expect(await copiesOf(owner, name)).toEqual({ owner: true, slow: true, liar: false })
  expect(showingMost).toBe(2)
})

test('a peer that lost or changed a file has time to say so', async () => {
  await using cluster = await IndexCluster.start(weekly)
  const owner = await cluster.peer('owner')
  await owner.shares('f')
  const keeper = await aClaimer(cluster, 'keeper', { owner: 'owner', name: 'f' })
  const gone = ({ sha256 }: { sha256: string }): never => {
    throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  }
  keeper.proves = gone
  while (keeper.challenges.length === 0) await cluster.advance(1_000)
  await keeper.announce({ kind: 'replicated', owner: 'owner', name: 'f' })
  await pass(cluster, hourMs)
  expect(await eventsOf(owner)).toEqual([])

  // One that does not say so has no copy.
  const other = await aClaimer(cluster, 'other', { owner: 'owner', name: 'f' })
  other.proves = gone
  await pass(cluster, hourMs)
  expect(await copiesOf(owner, 'f')).toEqual({ other: false, owner: true })
  expect(await eventsOf(owner)).toEqual(['proof-failed other f it has no readable copy'])
  const { peers } = await owner.ask('peers', { limit: 9 })
  expect(peers.map(({ state }) => state)).toEqual(['live', 'live', 'live'])
})

test('what a peer said it has no copy of, and no longer claims, is forgotten the same day', async () => {
  await using cluster = await IndexCluster.start({ proofMs: hourMs })
  const owner = await cluster.peer('owner')
  await owner.shares('f')
  const editing = await aClaimer(cluster, 'editing', { owner: 'owner', name: 'f' })
  const liar = await aClaimer(cluster, 'liar', { owner: 'owner', name: 'f' })
  lies(liar)
  // Its new content is not known yet: hashing a large file takes a while.
  editing.proves = ({ sha256 }) => {
    throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  }
  await pass(cluster, hourMs)
  expect(await countsOf(owner)).toMatchObject({ unproven: { copies: 2, peers: 2 } })
  for (const peer of [editing, liar])
    await peer.announce({ kind: 'replicated', owner: 'owner', name: 'f' })
  await pass(cluster, 8 * hourMs)
  expect(await countsOf(owner)).toMatchObject({ unproven: { copies: 1, peers: 1 } })
})

test('a late answer counts as none only the second time, and a busy peer has hours', async () => {
  await using cluster = await IndexCluster.start(weekly)
  const owner = await cluster.peer('owner')
  for (const name of ['f', 'g']) await owner.shares(name)
  const slow = await aClaimer(cluster, 'slow', { owner: 'owner', name: 'f' })
  slow.proves = () => new Promise(() => {})
  const busy = await aClaimer(cluster, 'busy', { owner: 'owner', name: 'g' })
  busy.proves = () => {
    throw new AppError('BUSY')
  }
  for (const peerId of ['p1', 'p2', 'p3', 'p4']) await cluster.peer(peerId, { freeBytes: 0 })
  while (slow.challenges.length === 0) await cluster.advance(1_000)
  await pass(cluster, minuteMs)
  expect(await eventsOf(owner)).toEqual([])
  await pass(cluster, hourMs)
  expect(await eventsOf(owner)).toEqual(['proof-failed slow f it did not answer in time'])
  await pass(cluster, hourMs)
  expect(await copiesOf(owner, 'g')).toEqual({ busy: true, owner: true })
  await pass(cluster, 12 * hourMs)
  expect(await copiesOf(owner, 'g')).toEqual({ busy: false, owner: true })
})

test('the only holder must show its chunk now and then', async () => {
  await using cluster = await IndexCluster.start({ proofMs: 10 * minuteMs })
  const liar = await cluster.peer('liar', { freeBytes: 0 })
  await liar.shares('f')
  lies(liar)
  const asker = await cluster.peer('asker', { freeBytes: 0 })
  for (let hours = 0; hours < 20 && (await eventsOf(asker)).length === 0; hours += 1)
    await pass(cluster, hourMs)
  expect(await copiesOf(asker, 'f')).toEqual({ liar: false })
})

test('of a peer with many unproven copies none counts, and it is given no new ones', async () => {
  await using cluster = await IndexCluster.start({ ...weekly, replicationFactor: 2 })
  const owner = await cluster.peer('owner')
  const names = Array.from({ length: 3 * limits.unprovenPerPeerMax }, (_, number) => `f${number}`)
  await owner.announce(...names.map((name) => ({ name, text: name })))
  const liar = await cluster.peer('liar')
  liar.answer = () => 'TASK_REFUSED'
  await liar.announce(
    ...names.map((name) => ({ kind: 'replicated' as const, owner: 'owner', name, text: name })),
  )
  lies(liar)
  await pass(cluster, hourMs)
  expect(await countsOf(owner)).toEqual({
    unproven: { copies: limits.unprovenPerPeerMax, peers: 1, distrusted: 1 },
    belowFactor: names.length,
  })
  await owner.shares('new')
  await cluster.advance(10_000)
  expect(liar.tasks.filter(({ name }) => name === 'new')).toEqual([])
  expect(await missing(owner, 'new')).toContain(
    'liar has many unproven copies: it receives no new ones',
  )
})

test('a peer whose disk was away is trusted again soon after it is back', async () => {
  await using cluster = await IndexCluster.start(weekly)
  const owner = await cluster.peer('owner')
  const names = Array.from({ length: 2 * limits.unprovenPerPeerMax }, (_, number) => `f${number}`)
  await owner.announce(...names.map((name) => ({ name, text: name })))
  const keeper = await cluster.peer('keeper')
  await keeper.announce(
    ...names.map((name) => ({ kind: 'replicated' as const, owner: 'owner', name, text: name })),
  )
  const { proves } = keeper
  keeper.proves = ({ sha256 }) => {
    throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  }
  await pass(cluster, hourMs)
  expect(await countsOf(owner)).toMatchObject({ unproven: { distrusted: 1 } })
  const { peers } = await owner.ask('peers', { limit: 9 })
  expect(peers.map(({ state }) => state)).toEqual(['live', 'live'])
  keeper.proves = proves
  await pass(cluster, 3 * hourMs)
  expect(await countsOf(owner)).toEqual({ unproven: undefined, belowFactor: 0 })
})

test('nothing is asked while copying is held, and nothing without an interval', async () => {
  await using cluster = await IndexCluster.start({
    ...weekly,
    startGraceMs: 2 * hourMs,
    deadAfterMs: 3 * hourMs,
  })
  const owner = await cluster.peer('owner')
  await owner.shares('f')
  await pass(cluster, hourMs)
  expect(owner.challenges).toEqual([])
  await pass(cluster, 3 * hourMs)
  expect(owner.challenges).not.toEqual([])

  await using other = await IndexCluster.start({ ...weekly, proofMs: 0 })
  const peer = await other.peer('peer')
  await peer.shares('f')
  await pass(other, 2 * hourMs)
  expect(peer.challenges).toEqual([])
})

test('each copy is challenged once in an interval, spread evenly', async () => {
  await using cluster = await IndexCluster.start({ proofMs: 70 * minuteMs, replicationFactor: 1 })
  const peer = await cluster.peer('peer')
  const names = Array.from({ length: 35 }, (_, number) => `f${number}`)
  await peer.announce(...names.map((name) => ({ name, text: name })))
  await pass(cluster, soonMs)
  peer.challenges.length = 0
  await pass(cluster, 20 * minuteMs)
  expect(peer.challenges.length).toBeGreaterThanOrEqual(9)
  expect(peer.challenges.length).toBeLessThanOrEqual(11)
  await pass(cluster, 50 * minuteMs)
  const asked = new Set(peer.challenges.map(({ sha256 }) => sha256))
  expect(names.filter((name) => !asked.has(contentOf(name).sha256)).length).toBeLessThanOrEqual(2)
  expect(peer.challenges.length).toBeLessThanOrEqual(37)
})

test('in a mesh a holder asks the others, and believes its own disk', async () => {
  await using cluster = await IndexCluster.start(weekly, 'own')
  const own = await cluster.peer('own')
  await own.shares('f')
  const liar = await aClaimer(cluster, 'liar', { owner: 'own', name: 'f' })
  lies(liar)
  const other = await cluster.peer('other')
  await other.shares('g')
  await pass(cluster, soonMs)
  expect(await copiesOf(own, 'f')).toMatchObject({ liar: false, own: true })
  expect(other.challenges.filter(({ sha256 }) => sha256 === contentOf('g').sha256)).toEqual([])
})
