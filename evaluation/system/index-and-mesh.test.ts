/**
 * Peers with an index that are also a mesh: the index is killed and returns, or one peer alone cannot
 * reach it.
 */
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import type { CallReply } from '../../peer/api/calls.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf, type Cluster, proxyHost, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { Gate } from './gate.ts'
import { endOf } from './held-download.ts'
import {
  lookUp,
  type OwnedFile,
  onDisks,
  sharedPath,
  shareFiles,
  statesAt,
  timeout,
  untilAtRest,
  untilTwoHomes,
} from './mesh-checks.ts'
import { deadAfterMs, quickMesh } from './mesh-fixture.ts'
import { readMetric } from './read-metric.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

/** A lookup waits until it is clear whether the index answers: 5 s, and some for a busy machine. */
const answerMs = 12_000

interface World extends AsyncDisposable {
  readonly cluster: Cluster
  readonly files: readonly OwnedFile[]
}

/** Peers with files that know one another. */
async function startWorld(peers: number): Promise<World> {
  const files: OwnedFile[] = []
  const prepare = async (owner: string, folder: string): Promise<void> => {
    files.push(...(await shareFiles(owner, folder)))
  }
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startCluster({ peers: 0, settings: quickMesh, prepare }))
  while (cluster.peers.length < peers) await cluster.startPeer(undefined, { flags: ['--mesh'] })
  await untilAtRest(cluster.peers, { contents: files.length })
  for (const peer of cluster.peers) await untilMembers(peer, peers)
  const stack = starting.move()
  return { cluster, files, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function meshOf(peer: TandemProcess): Promise<CallReply<'mesh'>> {
  using api = apiOf(peer)
  return await api.mesh()
}

async function untilMembers(peer: TandemProcess, live: number): Promise<void> {
  await expect
    .poll(() => meshOf(peer), { timeout, message: peer.name })
    .toMatchObject({
      live,
      behind: 0,
    })
}

async function inTime<T>(work: () => Promise<T>): Promise<T> {
  return await withDeadline({ what: 'Answering', deadlineMs: answerMs }, systemClock, work)
}

type IndexAway = CallReply<'status'>['peer']['indexAway']

async function indexAway(peer: TandemProcess): Promise<IndexAway> {
  using api = apiOf(peer)
  return (await api.status()).peer.indexAway
}

async function untilAway(
  peers: readonly TandemProcess[],
  expected: Partial<NonNullable<IndexAway>>,
): Promise<void> {
  for (const peer of peers)
    await expect
      .poll(() => indexAway(peer), { timeout, message: peer.name })
      .toMatchObject(expected)
}

async function untilAsked(peers: readonly TandemProcess[]): Promise<void> {
  for (const peer of peers)
    await expect.poll(() => indexAway(peer), { timeout, message: peer.name }).toBeUndefined()
}

async function receivedBytes(peers: readonly TandemProcess[]): Promise<number> {
  const series = 'tandem_peer_received_bytes_total{purpose="replication"}'
  const counts = await Promise.all(peers.map((peer) => readMetric(peer, series)))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Changes that the index has taken over since its start. */
async function announcements({ index }: Cluster): Promise<number> {
  return await readMetric(index, 'tandem_index_requests_total{type="announce",outcome="ok"}')
}

/** The index, asked by a peer, knows exactly the copies that are on the disks of live peers. */
async function expectIndexKnows(
  peer: TandemProcess,
  live: readonly TandemProcess[],
  files: readonly Pick<OwnedFile, 'name'>[],
): Promise<void> {
  const found = await onDisks(live, new DiskContents())
  for (const { name } of files) {
    const onDisk = found.filter((path) => path.endsWith(`/${name}`)).map((path) => path.split('/'))
    const [known] = await lookUp(peer, name)
    const sources = known?.sources.map(({ peerId, kind }) => `${peerId} ${kind}`)
    expect(sources?.toSorted(), name).toEqual(
      onDisk.map(([peerId, kind]) => `${peerId} ${kind}`).toSorted(),
    )
  }
}

test('an index that is away is replaced, hears what changed, and has nothing copied when it returns', async () => {
  await using world = await startWorld(4)
  const { cluster, files } = world
  const [first, second, lost, fourth] = [1, 2, 3, 4].map((number) => cluster.peer(number)) as [
    TandemProcess,
    TandemProcess,
    TandemProcess,
    TandemProcess,
  ]
  const rest = [first, second, fourth]
  await cluster.index.kill('SIGKILL')
  // A lookup that was sent when the index had gone is answered by what the peer knows itself.
  for (const { name, sha256 } of files.slice(-2)) {
    const [found] = await inTime(() => lookUp(first, name))
    expect(found).toMatchObject({ sha256, sources: [{}, {}] })
  }
  await untilAway(cluster.peers, {})
  const { stdout } = await runTandem(['status', '--api', first.apiUrl.origin])
  expect(stdout).toContain('this peer answers from what it knows of other peers')
  expect(await downloadAndHash(first, { name: files.at(-1)?.name ?? '' })).toMatchObject({
    sha256OnDisk: files.at(-1)?.sha256,
  })

  await lost.kill('SIGKILL')
  const later = await aFile(sharedPath(second, ''), 'later.bin', { bytes: 10_000 })
  await untilAway(rest, { isActing: true })
  for (const peer of rest)
    await expect.poll(() => statesAt(peer), { timeout }).toMatchObject({ peer3: 'dead' })
  const all = [...files, { owner: second.name, ...later }]
  await untilAtRest(rest, { contents: all.length })
  await untilTwoHomes(rest, all)
  expect(await tandem(first, 'replication', 'set', 'other/**', '3')).toContain('3 copies')

  const before = await receivedBytes(rest)
  await cluster.index.start()
  await untilAsked(rest)
  await expect.poll(() => tandem(fourth, 'replication'), { timeout }).toContain('other/**')
  const told = await announcements(cluster)
  // One for each peer, and one more for what changed while the first was sent.
  expect(told).toBeLessThanOrEqual(2 * rest.length)
  await lost.start()
  await untilAsked([lost])
  await untilAtRest(cluster.peers, { contents: all.length })
  await untilTwoHomes(cluster.peers, all)
  expect(await receivedBytes(rest)).toBe(before)
  expect(await receivedBytes([lost])).toBe(0)
  await expectIndexKnows(second, cluster.peers, all)
}, 120_000)

async function tandem(peer: TandemProcess, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await runTandem([...words, '--api', peer.apiUrl.origin])
  return stdout + stderr
}

const largeBytes = 48_000_000
/** As good as held: the download takes minutes, until the limit is lifted. */
const slowBytesPerSecond = 400_000

/** A download that is held in its middle, for as long as a test needs. */
async function startSlowDownload(peer: TandemProcess, name: string): Promise<string> {
  using api = apiOf(peer)
  await api.changeLimits({ downloadBytesPerSecond: slowBytesPerSecond })
  const { id } = await api.startDownload({ name })
  await expect
    .poll(async () => (await api.download({ id, waitMs: 0 })).bytes, { timeout })
    .toBeGreaterThan(0)
  return id
}

async function expectRunning(peer: TandemProcess, id: string): Promise<void> {
  using api = apiOf(peer)
  expect(await api.download({ id, waitMs: 0 })).toMatchObject({ state: 'running' })
}

test('a download in progress does not notice that the index goes and returns', async () => {
  await using world = await startWorld(3)
  const { cluster } = world
  const [owner, other] = [cluster.peer(1), cluster.peer(2)]
  const requester = await cluster.startPeer(undefined, { flags: ['--mesh'] })
  const large = await aFile(sharedPath(owner, ''), 'large.bin', { bytes: largeBytes })
  await expect.poll(async () => (await lookUp(other, large.name)).length, { timeout }).toBe(1)
  const id = await startSlowDownload(requester, large.name)
  await cluster.index.kill('SIGKILL')
  await untilAway([requester], {})
  await expectRunning(requester, id)
  await cluster.index.start()
  await untilAsked([requester])
  await expectRunning(requester, id)
  using api = apiOf(requester)
  await api.changeLimits({ downloadBytesPerSecond: null })
  expect(await endOf(requester, { id })).toMatchObject({
    state: 'done',
    result: { sha256: large.sha256 },
  })
})

test('a peer that alone cannot reach the index answers, and makes no copies of its own accord', async () => {
  await using world = await startWorld(3)
  const { cluster, files } = world
  const others = [...cluster.peers]
  const { port } = cluster.index
  const alone = await (async () => {
    await using _gate = await Gate.before(port)
    const flags = ['--mesh', '--index', `${proxyHost}:${port}`]
    const peer = await cluster.startPeer(undefined, { flags })
    await untilMembers(peer, 4)
    await untilAtRest(cluster.peers, { contents: files.length })
    return peer
  })()
  await untilAway([alone], {})
  const [first] = files
  expect(await inTime(() => lookUp(alone, first?.name ?? ''))).toMatchObject([
    { sha256: first?.sha256 },
  ])
  // For the index it dies, although all members still hear of it.
  await expect
    .poll(() => statesAt(cluster.peer(1)), { timeout })
    .toMatchObject({ [alone.name]: 'dead' })
  await untilAtRest(others, { contents: files.length })
  await expect
    .poll(async () => (await indexAway(alone))?.awayMs, { timeout })
    .toBeGreaterThan(2 * deadAfterMs)
  expect(await indexAway(alone)).toMatchObject({ isActing: false })
  expect(await statesAt(alone)).toEqual({
    peer1: 'live',
    peer2: 'live',
    peer3: 'live',
    peer4: 'live',
  })
  await using _back = await Gate.before(port)
  await untilAsked([alone])
  await untilAtRest(cluster.peers, { contents: files.length })
  await untilTwoHomes(cluster.peers, files)
})

test('an index that is connected and answers nothing is replaced, too, until it answers', async () => {
  await using world = await startWorld(2)
  const { cluster, files } = world
  const [peer, other] = [cluster.peer(1), cluster.peer(2)]
  process.kill(Number(cluster.index.pid), 'SIGSTOP')
  const wanted = files.at(-1)
  const [found] = await inTime(() => lookUp(peer, wanted?.name ?? ''))
  expect(found).toMatchObject({ sha256: wanted?.sha256 })
  await untilAway([peer], {})
  // The next ones wait no longer.
  const name = files[0]?.name ?? ''
  await withDeadline({ what: 'Answering', deadlineMs: 2_500 }, systemClock, () =>
    lookUp(peer, name),
  )
  process.kill(Number(cluster.index.pid), 'SIGCONT')
  await untilAsked([peer, other])
})
