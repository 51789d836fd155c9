/** The brake in a running index: whole clusters under a clock that only the test moves. */
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { indexSettings } from '../settings.ts'
import { contentOf, IndexCluster, missing, type TestPeer } from '../testing/index-cluster.ts'

/** The settings that people have. */
const defaults = Object.fromEntries(
  (['heartbeatMs', 'deadAfterMs', 'startGraceMs', 'brakeMs', 'settleMs'] as const).map((key) => [
    key,
    indexSettings.table[key].default,
  ]),
)

const filesEach = 5

/** Peers with `filesEach` files each, all at two copies. */
async function sharingPeers(cluster: IndexCluster, count: number): Promise<TestPeer[]> {
  const peers: TestPeer[] = []
  for (let number = 1; number <= count; number++) peers.push(await cluster.peer(`peer${number}`))
  for (const peer of peers)
    await peer.announce(
      ...Array.from({ length: filesEach }, (_, file) => {
        const name = `${peer.peerId}/${file}`
        return { name, text: name }
      }),
    )
  await cluster.advance(10_000)
  const contents = count * filesEach
  expect(await peers[0]?.ask('status', {})).toMatchObject({ contents, atFactor: contents })
  return peers
}

/** Number of tasks that the peers received. */
function tasksOf(peers: readonly TestPeer[]): number {
  return peers.reduce((sum, { tasks }) => sum + tasks.length, 0)
}

async function reconnect(peers: readonly TestPeer[]): Promise<void> {
  for (const peer of peers) await peer.connect()
}

test('nothing is copied when half of the peers go away together and return', async () => {
  await using cluster = await IndexCluster.start(defaults)
  const peers = await sharingPeers(cluster, 6)
  const before = tasksOf(peers)
  const [asker, away] = [peers[0] as TestPeer, peers.slice(3)]
  for (const peer of away) peer.crash()
  await cluster.advance(300_000)
  const status = await asker.ask('status', {})
  expect(status).toMatchObject({
    peers: { live: 3, dead: 3 },
    brake: { cause: 'peers-lost' },
  })
  expect(status.paused).toMatch(/^3 of 6 peers were lost together: they have at most \d+ s/)
  const { forMs = 0, leftMs = 0 } = status.brake ?? {}
  expect(Math.abs(forMs + leftMs - 600_000)).toBeLessThan(5)
  const reasons: string[] = []
  for (const { peerId } of peers)
    for (let file = 0; file < filesEach; file++)
      reasons.push(...(await missing(asker, `${peerId}/${file}`)))
  expect(reasons).toContainEqual(expect.stringContaining('were lost together'))
  const metrics = await cluster.metricsText
  expect(metrics).toContain('tandem_index_brake{cause="peers-lost"} 1')
  expect(metrics).toContain('tandem_index_brake{cause="start"} 0')
  expect(metrics).toMatch(/tandem_index_brake_left_seconds 3\d\d/)

  await reconnect(away)
  await cluster.advance(60_000)
  expect(await asker.ask('status', {})).toMatchObject({ peers: { live: 6 }, belowFactor: 0 })
  expect((await asker.ask('status', {})).brake).toBeUndefined()
  expect(tasksOf(peers)).toBe(before)
})

test('half of the peers that do not return are replaced after brakeMs', async () => {
  await using cluster = await IndexCluster.start({ ...defaults, brakeMs: 120_000 })
  const peers = await sharingPeers(cluster, 6)
  const before = tasksOf(peers)
  for (const peer of peers.slice(3)) peer.crash()
  await cluster.advance(170_000)
  expect(tasksOf(peers)).toBe(before)
  await cluster.advance(30_000)
  expect(tasksOf(peers)).toBeGreaterThan(before)
  expect((await peers[0]?.ask('status', {}))?.brake).toBeUndefined()
})

test('half of the peers are replaced immediately when an administrator says so', async () => {
  await using cluster = await IndexCluster.start(defaults)
  const peers = await sharingPeers(cluster, 6)
  const before = tasksOf(peers)
  for (const peer of peers.slice(3)) peer.crash()
  await cluster.advance(80_000)
  expect(tasksOf(peers)).toBe(before)
  expect(await peers[0]?.ask('resume-replication', {})).toEqual({ released: true })
  await cluster.advance(20_000)
  expect(tasksOf(peers)).toBeGreaterThan(before)
  expect(await peers[0]?.ask('resume-replication', {})).toEqual({ released: false })
})

test('an administrator may end the wait after a start', async () => {
  await using cluster = await IndexCluster.start({ ...defaults, startGraceMs: 50_000 })
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  await peer1.shares('a')
  await cluster.advance(5_000)
  expect(peer2.tasks).toEqual([])
  expect(await peer1.ask('resume-replication', {})).toEqual({ released: true })
  await cluster.advance(2_000)
  expect(peer2.tasks).toHaveLength(1)
})

test.for([2, 3])('one dead peer of %i is replaced as always', async (count) => {
  await using cluster = await IndexCluster.start(defaults)
  const peers = await sharingPeers(cluster, count)
  peers.at(-1)?.crash()
  await cluster.advance(50_000)
  const spare = await cluster.peer('spare')
  await cluster.advance(20_000)
  expect(await spare.ask('status', {})).toMatchObject({ peers: { dead: 1 }, belowFactor: 0 })
})

test('peers that die one after the other are replaced', async () => {
  await using cluster = await IndexCluster.start(defaults)
  const peers = await sharingPeers(cluster, 5)
  for (const peer of peers.slice(3)) {
    peer.crash()
    await cluster.advance(130_000)
    expect(await peers[0]?.ask('status', {})).toMatchObject({ belowFactor: 0 })
  }
})

test('nothing is dropped while the brake is on', async () => {
  await using cluster = await IndexCluster.start(defaults)
  const peers = await sharingPeers(cluster, 4)
  const [keeper] = peers.filter(({ tasks }) => tasks.length > 0) as [TestPeer]
  const [{ name, owner: ownerId } = { name: '', owner: '' }] = keeper.tasks
  const owner = peers.find(({ peerId }) => peerId === ownerId) ?? keeper
  const gone = peers.filter((peer) => peer !== owner && peer !== keeper)
  for (const peer of gone) peer.crash()
  await cluster.advance(70_000)
  const before = tasksOf(peers)
  await owner.ask('unshare', { name })
  await cluster.advance(60_000)
  expect(tasksOf(peers)).toBe(before)
  const confirm = async (): Promise<readonly boolean[]> => {
    const copies = [{ owner: owner.peerId, name, sha256: contentOf(name).sha256 }]
    return (await keeper.ask('confirm-drops', { copies })).confirmed
  }
  expect(await confirm()).toEqual([false])
  keeper.answer = undefined
  await reconnect(gone)
  await cluster.advance(3_000)
  expect(keeper.tasks.at(-1)).toMatchObject({ kind: 'drop', name })
  expect(await confirm()).toEqual([true])
})

test('an index that lost its disk copies nothing of a peer that is 8 s late', async () => {
  await using cluster = await IndexCluster.start(defaults)
  const peers = await sharingPeers(cluster, 3)
  await cluster.stopIndex()
  for (const peer of peers) peer.hang()
  await cluster.startIndex()
  const before = tasksOf(peers)
  const [asker, , late] = peers as [TestPeer, TestPeer, TestPeer]
  await reconnect(peers.slice(0, 2))
  for (const peer of peers.slice(0, 2)) await peer.announceAll()
  await cluster.advance(8_000)
  const waiting = await asker.ask('status', {})
  expect(waiting.brake).toMatchObject({ cause: 'start' })
  expect(waiting.paused).toContain('it lost its inventory')
  expect(tasksOf(peers)).toBe(before)
  await late.connect()
  await late.announceAll()
  await cluster.advance(25_000)
  const status = await asker.ask('status', {})
  expect(status).toMatchObject({ contents: 3 * filesEach, belowFactor: 0 })
  expect(status.brake).toBeUndefined()
  expect(tasksOf(peers)).toBe(before)
})

test('a new cluster copies 3 s after the last peer registered', async () => {
  await using cluster = await IndexCluster.start(defaults)
  await cluster.advance(30_000)
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  await peer1.shares('a')
  await cluster.advance(2_000)
  expect(await peer1.ask('status', {})).toMatchObject({ brake: { cause: 'start' } })
  await cluster.advance(4_000)
  expect(await peer1.ask('status', {})).toMatchObject({ atFactor: 1 })
  expect(peer2.tasks).toHaveLength(1)
})

test('an index that restarts with its database waits until its peers are back', async () => {
  await using folder = await temporaryFolder()
  await using cluster = await IndexCluster.start({ ...defaults, data: folder.path })
  const peers = await sharingPeers(cluster, 3)
  await cluster.stopIndex()
  for (const peer of peers) peer.hang()
  await cluster.startIndex()
  const [asker] = peers as [TestPeer]
  await reconnect(peers.slice(0, 2))
  await cluster.advance(8_000)
  expect((await asker.ask('status', {})).paused).toMatch(
    /^the index has just started: peers have 5\d s to reconnect; 6\d % of the known copies are available$/,
  )
  await reconnect(peers.slice(2))
  await cluster.advance(1_000)
  expect((await asker.ask('status', {})).brake).toBeUndefined()
})

test('with the default settings a blip of 30 s copies nothing', async () => {
  await using cluster = await IndexCluster.start(defaults)
  const peers = await sharingPeers(cluster, 4)
  const before = tasksOf(peers)
  for (const cut of ['crash', 'hang'] as const)
    for (const away of [peers.slice(3), peers.slice(1), peers]) {
      for (const peer of away) peer[cut]()
      await cluster.advance(30_000)
      for (const peer of away) peer.crash()
      await reconnect(away)
      await cluster.advance(90_000)
    }
  expect(tasksOf(peers)).toBe(before)
  expect(await peers[0]?.ask('status', {})).toMatchObject({ peers: { live: 4 }, belowFactor: 0 })
})
