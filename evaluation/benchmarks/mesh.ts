/**
 * Eight peers of a mesh, each on its own host with a link of 100 Mbit/s, and default settings.
 *
 * - A new file: the seconds from the start of its upload to a peer until a search at each of the
 *   others finds it; and for a file that is written to shared/, from then on, which includes the
 *   second that a peer waits for more to be written. Serf: from an event at one agent until all
 *   others have reported it. Syncthing: from a request to scan a new file until all others list it.
 * - A peer that is killed: until all others suspect it, and until all others have dropped it. Serf:
 *   until all others report its failure.
 * - A peer that joins: from the start of its process until it lists all files. Syncthing: the same,
 *   with one other device.
 * - Lookups by one client with one connection, which the index in the peer answers.
 */
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { PeerApi } from '../../peer/api/calls.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { distributionOf } from '../scaling/statistics.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import { type MeshCluster, startMesh } from '../system/mesh-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { secondsOf } from './interleaved.ts'
import { type LabHost, startNetworkLab, whyNoNetworkLab } from './network-lab.ts'
import { runToEnd } from './outside-process.ts'
import { Serf } from './serf-anchor.ts'
import { introduce, launchSyncthing, prepareSyncthing, startSyncthing } from './syncthing-anchor.ts'

const peerCount = 8
const megabitsPerSecond = 100
const fileBytes = 1_024
/** One in so many new files is written to the folder. */
const writtenShare = 4
const filesPerFolder = 100
const deadlineMs = 180_000
/** A search at each of the others every so often takes little of two processors. */
const lookEveryMs = 20
const lookups = 10_000
const loadSeconds = 3
/** In seconds, and lookups per second. A file that is written is known a second later. */
const goals = {
  newMedian: 1,
  newLast: 3,
  writtenMedian: 2,
  dropped: 75,
  joined: 5,
  lookupsPerSecond: 1_000,
} as const

export interface MeshSize {
  /** Files of all peers together. */
  readonly files: number
  /** New files in each round. */
  readonly news: number
}

export const mesh: Benchmark<MeshSize> = {
  name: 'mesh',
  anchors: ['serf', 'syncthing'],
  whyNot: whyNoNetworkLab,
  async measure(size, options) {
    await measureFiles(size, options)
    await measureDeaths(options)
    if (!options.missing.includes('serf')) await measureSerf(size, options)
    if (!options.missing.includes('syncthing')) await measureSyncthing(size, options)
  },
}

const works = {
  news: 'a new file known everywhere',
  newsLast: 'a new file known everywhere, p99',
  written: 'a written file known everywhere',
  suspect: 'a killed peer suspected everywhere',
  dropped: 'a killed peer dropped everywhere',
  joined: (files: number) => `a joiner knows ${files} files`,
} as const

/** New files, joiners and lookups, in a mesh that has files. */
async function measureFiles(
  { files, news }: MeshSize,
  { rounds, onSample, signal }: BenchmarkOptions,
): Promise<void> {
  await using lab = await startNetworkLab({ hosts: peerCount + rounds, megabitsPerSecond })
  const { hosts } = lab
  const prepare = async (peerId: string, folder: string): Promise<void> => {
    const number = Number(peerId.slice('peer'.length))
    if (number <= peerCount) await writeFiles(folder, peerId, shareOf(files, number))
    else await mkdir(folder, { recursive: true })
  }
  const settings = {}
  await using cluster = await startMesh({ peers: peerCount, settings, hosts, prepare, signal })
  const peers = [...cluster.peers]
  await untilAtRest(peers, files, signal)
  const seconds: number[] = []
  let contents = files
  for (let round = 0; round < rounds; round++) {
    for (let number = 0; number < news; number++) {
      const owner = number % peers.length
      const value = await measureNew(peers, owner, { name: `new ${round} ${number}`, signal })
      seconds.push(value)
      onSamples({ work: works.news, value, goal: goals.newMedian }, onSample)
      contents += 1
      if (number % writtenShare > 0) continue
      const name = `written ${round} ${number}`
      const written = await measureNew(peers, owner, { name, signal, isWritten: true })
      onSamples({ work: works.written, value: written, goal: goals.writtenMedian }, onSample)
      contents += 1
    }
    const work = works.joined(files)
    const value = await secondsOfJoining(cluster, { contents, work, signal })
    onSamples({ work, value, goal: goals.joined }, onSample)
    await measureLookups(cluster.peer(1), hosts[0], onSample)
  }
  const { p99: value } = distributionOf(seconds)
  onSamples({ work: works.newsLast, value, goal: goals.newLast }, onSample)
}

/** A measurement of Tandem, and its goal in the same unit. */
function onSamples(
  { work, value, goal }: { readonly work: string; readonly value: number; readonly goal: number },
  onSample: BenchmarkOptions['onSample'],
): void {
  onSample({ work, contender: tandem, unit: 'seconds', value })
  onSample({ work, contender: 'goal', unit: 'seconds', value: goal, goal: 1 })
}

/** Shares a new file; @returns the seconds until all other peers knew it. */
async function measureNew(
  peers: readonly TandemProcess[],
  ownerIndex: number,
  { name, signal, isWritten = false }: NewFile,
): Promise<number> {
  const owner = peers[ownerIndex]
  if (owner === undefined) throw new RangeError(`no peer ${ownerIndex}`)
  const others = peers.filter((peer) => peer !== owner)
  using api = apiOf(owner)
  const bytes = Readable.from([Buffer.from(name.padEnd(fileBytes))])
  return await secondsOf(async () => {
    const shared = isWritten
      ? aFile(join(owner.dataFolder, 'shared'), name, { bytes: fileBytes })
      : api.push({ name, bytes, replace: false, wait: false }, signal)
    const known = others.map((peer) =>
      until(peer, name, signal, async (other) => {
        return (await other.search({ q: name, limit: 1 }, signal)).files.length > 0
      }),
    )
    await Promise.all([shared, ...known])
  })
}

interface NewFile {
  readonly name: string
  readonly signal: AbortSignal
  /** Whether it is written to shared/ rather than uploaded. */
  readonly isWritten?: boolean
}

/** Starts one more peer, which leaves again; @returns the seconds until it knew all contents. */
async function secondsOfJoining(
  cluster: MeshCluster,
  asked: { readonly contents: number; readonly work: string; readonly signal: AbortSignal },
): Promise<number> {
  const { contents, work, signal } = asked
  let joiner: TandemProcess | undefined
  const seconds = await secondsOf(async () => {
    joiner = await cluster.startPeer()
    await until(joiner, work, signal, async (api) => {
      return (await api.status(signal)).contents === contents
    })
  })
  await joiner?.kill()
  return seconds
}

/** The client runs on the host of the peer. */
async function measureLookups(
  peer: TandemProcess,
  host: LabHost | undefined,
  onSample: BenchmarkOptions['onSample'],
): Promise<void> {
  const program = createRequire(import.meta.url).resolve('autocannon/autocannon.js')
  const url = new URL('/api/lookup?name=0/peer2-0', peer.apiUrl).href
  const words = [program, '--json', '--connections', '1', '--duration', String(loadSeconds), url]
  const output = await runToEnd(process.execPath, words, host)
  const { duration, errors, non2xx, '2xx': answered } = JSON.parse(output) as LoadResult
  if (errors + non2xx > 0) throw new Error(`${errors + non2xx} requests of ${url} failed`)
  const work = `${lookups} lookups by one client`
  onSample({ work, contender: tandem, unit: 'seconds', value: (lookups * duration) / answered })
  const value = lookups / goals.lookupsPerSecond
  onSample({ work, contender: `${goals.lookupsPerSecond}/s`, unit: 'seconds', value, goal: 1 })
}

/** As printed by autocannon. */
interface LoadResult {
  readonly duration: number
  readonly errors: number
  readonly non2xx: number
  readonly '2xx': number
}

/** Peers without files: one is killed in each round, and started again. */
async function measureDeaths({ rounds, onSample, signal }: BenchmarkOptions): Promise<void> {
  await using lab = await startNetworkLab({ hosts: peerCount, megabitsPerSecond })
  await using cluster = await startMesh({
    peers: peerCount,
    settings: {},
    hosts: lab.hosts,
    signal,
  })
  const { peers } = cluster
  await untilAtRest(peers, 0, signal)
  for (let round = 0; round < rounds; round++) {
    const lost = cluster.peer(1 + (round % peerCount))
    const others = peers.filter((peer) => peer !== lost)
    const untilState = async (states: readonly string[]): Promise<void> => {
      const seen = others.map((peer) =>
        until(peer, `${lost.name} is ${states[0]}`, signal, async (api) => {
          const known = (await allPeers(api, signal)).find(({ peerId }) => peerId === lost.name)
          return known === undefined || states.includes(known.state)
        }),
      )
      await Promise.all(seen)
    }
    const killedMs = systemClock.monotonicMs()
    await lost.kill('SIGKILL')
    const secondsNow = (): number => (systemClock.monotonicMs() - killedMs) / 1_000
    await untilState(['suspect', 'dead'])
    onSample({ work: works.suspect, contender: tandem, unit: 'seconds', value: secondsNow() })
    await untilState(['dead'])
    onSamples({ work: works.dropped, value: secondsNow(), goal: goals.dropped }, onSample)
    await lost.start()
    await untilAtRest(peers, 0, signal)
  }
}

/** What tells each other only who lives, and events. */
async function measureSerf(
  { news }: MeshSize,
  { rounds, onSample, signal }: BenchmarkOptions,
): Promise<void> {
  await using lab = await startNetworkLab({ hosts: peerCount, megabitsPerSecond })
  await using serf = await Serf.start(lab.hosts)
  const contender = 'serf'
  const seconds: number[] = []
  // The first ones after the last agent has joined take up to a minute.
  for (const place of lab.hosts.keys()) await serf.secondsOfEvent(place, signal)
  for (let number = 0; number < rounds * news; number++) {
    const value = await serf.secondsOfEvent(number % peerCount, signal)
    seconds.push(value)
    onSample({ work: works.news, contender, unit: 'seconds', value })
  }
  onSample({ work: works.newsLast, contender, unit: 'seconds', value: distributionOf(seconds).p99 })
  for (let round = 0; round < rounds; round++) {
    const value = await serf.secondsUntilFailed(round % peerCount, signal)
    onSample({ work: works.suspect, contender, unit: 'seconds', value })
  }
}

async function measureSyncthing(
  { files, news }: MeshSize,
  { rounds, onSample, signal }: BenchmarkOptions,
): Promise<void> {
  await using lab = await startNetworkLab({ hosts: peerCount, megabitsPerSecond })
  await using temporary = await temporaryFolder()
  const contender = 'syncthing'
  const prepareAll = async (hosts: readonly LabHost[], name: string) => {
    const all = hosts.map((host, number) => {
      const home = join(temporary.path, `${name}-${number}`)
      return prepareSyncthing(join(home, 'home'), join(home, 'files'), host)
    })
    const devices = await Promise.all(all)
    await introduce(devices)
    return devices
  }
  await using running = new AsyncDisposableStack()
  const start = { files: 0, deadlineMs }
  const devices = await prepareAll(lab.hosts, 'news')
  const all = await Promise.all(
    devices.map(async (device) => running.use(await startSyncthing(device, start))),
  )
  for (const each of all)
    await poll('Connecting with syncthing', signal, async () => {
      return (await each.connections()) === peerCount - 1
    })
  const seconds: number[] = []
  for (let round = 0; round < rounds; round++)
    for (let number = 0; number < news; number++) {
      const place = number % peerCount
      const name = `new ${round} ${number}`
      await aFile(devices[place]?.folder ?? '', name, { bytes: fileBytes })
      const value = await secondsOf(async () => {
        const known = all.map((each) => poll(name, signal, () => each.lists(name)))
        await Promise.all([all[place]?.scan(name), ...known])
      })
      seconds.push(value)
      onSample({ work: works.news, contender, unit: 'seconds', value })
    }
  onSample({ work: works.newsLast, contender, unit: 'seconds', value: distributionOf(seconds).p99 })
  await running.disposeAsync()

  for (let round = 0; round < rounds; round++) {
    const [source, joiner] = await prepareAll(lab.hosts.slice(0, 2), `joiner-${round}`)
    if (source === undefined || joiner === undefined) throw new RangeError('there are two hosts')
    await writeFiles(source.folder, 'source', files)
    await using _source = await startSyncthing(source, { files, deadlineMs })
    await using joined = new AsyncDisposableStack()
    const value = await secondsOf(async () => {
      const started = joined.use(await launchSyncthing(joiner))
      await poll('Joining with syncthing', signal, async () => {
        return (await started.status())?.globalFiles === files
      })
    })
    onSample({ work: works.joined(files), contender, unit: 'seconds', value })
  }
}

/** The files of one of the first peers, which are numbered from 1. */
function shareOf(files: number, number: number): number {
  return Math.floor((files + number - 1) / peerCount)
}

async function writeFiles(folder: string, owner: string, files: number): Promise<void> {
  await mkdir(folder, { recursive: true })
  for (let number = 0; number < files; number++) {
    const name = `${Math.floor(number / filesPerFolder)}/${owner}-${number}`
    await aFile(folder, name, { bytes: fileBytes })
  }
}

/** Resolves when each peer knows all others, and all contents have their copies. */
async function untilAtRest(
  peers: readonly TandemProcess[],
  contents: number,
  signal: AbortSignal,
): Promise<void> {
  for (const peer of peers)
    await until(peer, 'The mesh', signal, async (api) => {
      const status = await api.status(signal)
      const isComplete = status.contents === contents && status.belowFactor === 0
      return isComplete && status.peers.live === peers.length
    })
}

/** Asks a peer again and again. @throws AppError DEADLINE_EXCEEDED, the signal's reason */
async function until(
  peer: TandemProcess,
  what: string,
  signal: AbortSignal,
  isSo: (api: PeerApi) => Promise<boolean>,
): Promise<void> {
  using api = apiOf(peer)
  await poll(`${what}, at ${peer.name}`, signal, () => isSo(api))
}

async function poll(
  what: string,
  signal: AbortSignal,
  isSo: () => Promise<boolean>,
): Promise<void> {
  await withDeadline({ what, deadlineMs, signal }, systemClock, async (within) => {
    while (!(await isSo())) await systemClock.sleep(lookEveryMs, within)
  })
}
