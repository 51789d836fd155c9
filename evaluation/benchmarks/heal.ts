/**
 * What a dead peer had is copied to another, compared with the limits that Tandem was given.
 *
 * Large files: the seconds from the moment that the index notices until every file has its copies,
 * against the bytes at the allowed rate. A download by a user over the same link: its seconds
 * while they heal, against the same download alone. Small files: the same as for large ones,
 * against a number per second. A blip of a peer: the bytes that it causes, which must be none.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import { untilAtRest, untilHealed } from '../chaos/chaos-watch.ts'
import { checkFile } from '../system/check-file.ts'
import {
  apiOf,
  type Cluster,
  type ClusterSettings,
  startCluster,
} from '../system/cluster-fixture.ts'
import { quickSettings } from '../system/quick-settings.ts'
import { readMetric } from '../system/read-metric.ts'
import { runTandem } from '../system/run-tandem.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { secondsOf } from './interleaved.ts'
import { startNetworkLab, whyNoNetworkLab } from './network-lab.ts'

const ownerId = 'owner'
const largeBytes = 16 * 2 ** 20
const smallBytes = 4 * 2 ** 10
const filesPerFolder = 1_000
/** Allowed for replication at the receiver. */
const allowedBytesPerSecond = 50_000_000
/** Of the link that a download and the healing share. */
const megabitsPerSecond = 400
const downloadBytes = 128 * 2 ** 20
/** Number of downloads alone, and of those meanwhile. */
const downloads = 3
/** Tandem's goals: multiples of the bounds, and files per second. */
const goals = { seconds: 1.3, download: 1.1, filesPerSecond: 3_000 } as const

/** Dead soon, so that the benchmark does not wait for it. */
const quickDeath = {
  ...quickSettings,
  index: { ...quickSettings.index, heartbeatMs: 500, deadAfterMs: 3_000 },
} as const satisfies ClusterSettings

export interface HealSize {
  readonly mebibytes: number
  readonly files: number
  readonly blipSeconds: number
}

export const heal: Benchmark<HealSize> = {
  name: 'heal',
  anchors: [],
  whyNot: whyNoNetworkLab,
  async measure({ mebibytes, files, blipSeconds }, options) {
    for (let round = 0; round < options.rounds; round++) {
      await measureLarge(mebibytes, options)
      await measureDownload(mebibytes, options)
      await measureSmall(files, options)
      await measureBlip(blipSeconds, options)
    }
  },
}

async function measureLarge(
  mebibytes: number,
  { onSample, signal }: BenchmarkOptions,
): Promise<void> {
  const work = `${mebibytes} MiB after a death`
  const limits = { replicationDownloadBytesPerSecond: allowedBytesPerSecond }
  const files = { count: Math.ceil((mebibytes * 2 ** 20) / largeBytes), bytes: largeBytes }
  await using healing = await startHealing(files, { settings: { ...quickDeath, limits }, signal })
  onSample({ work, contender: tandem, unit: 'seconds', value: await healing.afterDeath() })
  const value = (files.count * files.bytes) / allowedBytesPerSecond
  const contender = `bytes / ${allowedBytesPerSecond / 1e6} MB/s`
  onSample({ work, contender, unit: 'seconds', value, goal: goals.seconds })
}

async function measureSmall(count: number, { onSample, signal }: BenchmarkOptions): Promise<void> {
  const work = `${count} files of 4 KiB after a death`
  await using healing = await startHealing(
    { count, bytes: smallBytes },
    { settings: quickDeath, signal },
  )
  onSample({ work, contender: tandem, unit: 'seconds', value: await healing.afterDeath() })
  const value = count / goals.filesPerSecond
  const contender = `${goals.filesPerSecond} files/s`
  onSample({ work, contender, unit: 'seconds', value, goal: 1 })
}

/** The keeper has files of its own, one copy each: half are downloaded alone, half meanwhile. */
async function measureDownload(
  mebibytes: number,
  { onSample, signal }: BenchmarkOptions,
): Promise<void> {
  const work = `a download of ${downloadBytes / 2 ** 20} MiB beside healing`
  await using lab = await startNetworkLab({ hosts: 5, megabitsPerSecond })
  const files = { count: Math.ceil((mebibytes * 2 ** 20) / largeBytes), bytes: largeBytes }
  await using healing = await startHealing(files, {
    settings: quickDeath,
    hosts: lab.hosts,
    signal,
  })
  const { keeper, cluster } = healing
  await oneCopyOf('user/**', keeper)
  const alone = await ownFiles(keeper, 'alone', signal)
  const meanwhile = await ownFiles(keeper, 'meanwhile', signal)
  const user = await cluster.startPeer('user')
  const anchor = { contender: 'the download alone', goal: goals.download }
  for (const file of alone) {
    const value = await secondsOf(() => downloadFrom(user, file))
    onSample({ work, unit: 'seconds', ...anchor, value })
  }
  const downloadMeanwhile = async (): Promise<void> => {
    await untilCopying(keeper, signal)
    for (const file of meanwhile) {
      const value = await secondsOf(() => downloadFrom(user, file))
      const { running } = await statusOf(keeper)
      assert(running > 0, 'healing ended before the download: use larger files')
      onSample({ work, contender: tandem, unit: 'seconds', value })
    }
  }
  await Promise.all([downloadMeanwhile(), healing.afterDeath()])
}

async function measureBlip(seconds: number, { onSample, signal }: BenchmarkOptions): Promise<void> {
  const files = { count: 200, bytes: smallBytes }
  // The default `deadAfterMs`.
  await using healing = await startHealing(files, { settings: quickSettings, signal })
  const { cluster, keeper } = healing
  const copied = (): Promise<number> => readMetric(cluster.index, 'tandem_index_copied_bytes_total')
  const before = await copied()
  await cluster.peer(1).kill('SIGKILL')
  await systemClock.sleep(seconds * 1_000, signal)
  await cluster.peer(1).start()
  await untilAtRest(askedOf(keeper, signal), cluster.peers.length)
  const value = (await copied()) - before
  onSample({ work: `copied after ${seconds} s away`, contender: tandem, unit: 'bytes', value })
  assert.equal(value, 0, 'a blip has copied bytes')
}

interface Healing extends AsyncDisposable {
  readonly cluster: Cluster
  /** Has a replica of everything. */
  readonly keeper: TandemProcess
  /** Kills the owner. @returns the seconds from the notice of it until all files were healed */
  afterDeath(): Promise<number>
}

interface Where {
  readonly settings: ClusterSettings
  readonly signal: AbortSignal
  readonly hosts?: Awaited<ReturnType<typeof startNetworkLab>>['hosts']
}

/** An owner whose files one peer keeps, and another peer that joins when they have their copies. */
async function startHealing(
  { count, bytes }: { readonly count: number; readonly bytes: number },
  where: Where,
): Promise<Healing> {
  const { signal } = where
  const files: FileFixture[] = []
  const prepare = async (peerId: string, folder: string): Promise<void> => {
    if (peerId !== ownerId) return
    for (let number = 0; number < count; number++) {
      signal.throwIfAborted()
      files.push(
        await aFile(folder, `${Math.floor(number / filesPerFolder)}/${number}.bin`, { bytes }),
      )
    }
  }
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startCluster({ peers: 0, factor: 2, prepare, ...where }))
  const owner = await cluster.startPeer(ownerId)
  const keeper = await cluster.startPeer('keeper')
  await untilAtRest(askedOf(keeper, signal), 2)
  await cluster.startPeer('target')
  await untilAtRest(askedOf(keeper, signal), 3)
  const started = starting.move()
  return {
    cluster,
    keeper,
    async afterDeath() {
      await owner.kill('SIGKILL')
      const { detectedMs, healedMs } = await untilHealed(
        askedOf(keeper, signal),
        cluster.peers.length - 1,
      )
      assert(detectedMs !== undefined, 'the index did not notice the death')
      const others = cluster.peers.filter((peer) => peer !== owner && peer !== keeper)
      await checkReplicas(files, others)
      return healedMs / 1_000
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** Hashes a sample of the files: each must have a sound replica on one of the peers. */
async function checkReplicas(
  files: readonly FileFixture[],
  peers: readonly TandemProcess[],
): Promise<void> {
  const step = Math.ceil(files.length / 100)
  for (const file of files.filter((_, place) => place % step === 0)) {
    const checked = await Promise.allSettled(
      peers.map(({ dataFolder }) =>
        checkFile(file, join(dataFolder, 'replicated', ownerId, file.name)),
      ),
    )
    const isSound = checked.some(({ status }) => status === 'fulfilled')
    assert(isSound, `${file.name} was not healed`)
  }
}

async function oneCopyOf(pattern: string, peer: TandemProcess): Promise<void> {
  const words = ['replication', 'set', pattern, '1', '--api', peer.apiUrl.href]
  const { code, stderr } = await runTandem(words)
  assert.equal(code, 0, stderr)
}

/** Waits until the index knows them. */
async function ownFiles(
  peer: TandemProcess,
  name: string,
  signal: AbortSignal,
): Promise<FileFixture[]> {
  const folder = join(peer.dataFolder, 'shared')
  using api = apiOf(peer)
  const files: FileFixture[] = []
  for (let number = 0; number < downloads; number++) {
    const file = await aFile(folder, `user/${name}-${number}`, { bytes: downloadBytes })
    while ((await api.search({ q: file.name, limit: 1 })).files.length === 0)
      await systemClock.sleep(100, signal)
    files.push(file)
  }
  return files
}

async function downloadFrom(user: TandemProcess, { name }: FileFixture): Promise<void> {
  using api = apiOf(user)
  await downloadToEnd(api, { name })
}

async function statusOf(peer: TandemProcess): Promise<{ readonly running: number }> {
  using api = apiOf(peer)
  return (await api.status()).tasks
}

async function untilCopying(peer: TandemProcess, signal: AbortSignal): Promise<void> {
  while ((await statusOf(peer)).running === 0) await systemClock.sleep(50, signal)
}

function askedOf(peer: TandemProcess, signal: AbortSignal): Parameters<typeof untilAtRest>[0] {
  return {
    signal,
    async ask(question) {
      using api = apiOf(peer)
      return await question(api)
    },
  }
}
