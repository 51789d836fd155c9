/**
 * One file from one source to several peers that start simultaneously, each on its own host with a
 * slow link.
 *
 * Two bounds: no peer can have the file before one link has carried it, of which packet headers
 * take 4 to 5 %; and the source must send it once. Bytes sent by the source are counted on its
 * link, with headers, for all contenders.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import { checkFile } from '../system/check-file.ts'
import { apiOf, startCluster } from '../system/cluster-fixture.ts'
import { copiesKnown } from '../system/copies-known.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { swarmByBitTorrent } from './bittorrent-anchor.ts'
import { roundOrder, tandem } from './comparison.ts'
import { secondsOf } from './interleaved.ts'
import { linkSeconds } from './link-seconds.ts'
import { type NetworkLab, startNetworkLab, whyNoNetworkLab } from './network-lab.ts'
import { flushDisk } from './outside-process.ts'
import { forgetDownloads, sharing } from './transfer-fixture.ts'

const downloaders = 8
const megabitsPerSecond = 100
const sourceId = 'source'
/** Tandem's goals, as multiples of the bounds. */
const goals = { seconds: 1.35, bytes: 1.6 } as const

export interface SwarmSize {
  readonly mebibytes: number
}

export const swarm: Benchmark<SwarmSize> = {
  name: 'swarm',
  anchors: ['aria2c', 'opentracker'],
  whyNot: whyNoNetworkLab,
  measure: measureSwarm,
}

interface Contender {
  readonly name: string
  /** Returns the seconds until the last peer has the verified file. */
  readonly measure: () => Promise<number>
}

async function measureSwarm({ mebibytes }: SwarmSize, options: BenchmarkOptions): Promise<void> {
  await using folder = await temporaryFolder()
  const original = await aFile(join(folder.path, 'original'), 'large.bin', {
    bytes: mebibytes * 2 ** 20,
  })
  await using lab = await startNetworkLab({ hosts: downloaders + 2, megabitsPerSecond })
  const [indexHost, sourceHost, ...hosts] = lab.hosts
  assert(indexHost !== undefined && sourceHost !== undefined)
  await using peers = await startPeers(original, lab)
  const torrent = { tracker: indexHost, source: sourceHost, downloaders: hosts }
  const contenders: Contender[] = [{ name: tandem, measure: () => download(original, peers.all) }]
  if (options.missing.length === 0)
    contenders.push({
      name: 'BitTorrent (aria2)',
      measure: () =>
        swarmByBitTorrent(original, { ...torrent, folder: join(folder.path, 'torrent') }),
    })
  const work = `${mebibytes} MiB to ${downloaders} peers`
  for (let round = 0; round < options.rounds; round++) {
    for (const { name, measure } of roundOrder(contenders, round)) {
      await flushDisk()
      const sentBefore = await sourceHost.sentBytes()
      const seconds = await measure()
      const bytes = (await sourceHost.sentBytes()) - sentBefore
      const sent = { work: `${work}, sent by the source`, unit: 'bytes', value: bytes } as const
      options.onSample({ work, contender: name, unit: 'seconds', value: seconds })
      options.onSample({ ...sent, contender: name })
    }
    reportBounds(work, original, options)
  }
}

function reportBounds(work: string, { size }: FileFixture, { onSample }: BenchmarkOptions): void {
  const seconds = linkSeconds(size, megabitsPerSecond)
  const link = `size / ${megabitsPerSecond} Mbit/s`
  onSample({ work, contender: link, unit: 'seconds', value: seconds, goal: goals.seconds })
  const sent = { work: `${work}, sent by the source`, unit: 'bytes', value: size } as const
  onSample({ ...sent, contender: 'size', goal: goals.bytes })
}

/** One peer with the file, and the downloaders. Nothing is replicated. */
async function startPeers(
  original: FileFixture,
  { hosts }: NetworkLab,
): Promise<{ readonly all: readonly TandemProcess[] } & AsyncDisposable> {
  await using starting = new AsyncDisposableStack()
  const share = sharing(original)
  const prepare = async (peerId: string, folder: string): Promise<void> => {
    if (peerId === sourceId) await share(folder)
  }
  const cluster = starting.use(await startCluster({ peers: 0, factor: 1, prepare, hosts }))
  await copiesKnown(await cluster.startPeer(sourceId), 1)
  const all: TandemProcess[] = []
  while (all.length < downloaders) all.push(await cluster.startPeer(`peer${all.length + 1}`))
  const started = starting.move()
  return { all, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

/** All of them download at the same time. */
async function download(original: FileFixture, peers: readonly TandemProcess[]): Promise<number> {
  const { name } = original
  const seconds = await secondsOf(() =>
    Promise.all(
      peers.map(async (peer) => {
        using api = apiOf(peer)
        await downloadToEnd(api, { name })
      }),
    ),
  )
  for (const peer of peers) await checkFile(original, join(peer.dataFolder, 'downloaded', name))
  for (const peer of peers) await forgetDownloads(peer)
  return seconds
}
