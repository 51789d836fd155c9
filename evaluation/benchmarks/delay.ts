/**
 * One large file, and many small ones, from a source at a round trip of 50 ms over a link of 200
 * Mbit/s; the index is near. A proxy in front of the source simulates delay and link.
 */
import { join } from 'node:path'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { writeCorpus } from '../scaling/corpus.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import type { LinkSpeed } from './delay-line.ts'
import { type Contender, measureInterleaved } from './interleaved.ts'
import { linkSeconds } from './link-seconds.ts'
import { startLongLink } from './long-link.ts'
import { flushDisk } from './outside-process.ts'
import { smallFolder, tandemWith } from './small.ts'
import {
  downloadAndCheck,
  forgetDownloads,
  sharing,
  startTransferCluster,
  type TransferCluster,
} from './transfer-fixture.ts'

const roundTripMs = 50
const megabitsPerSecond = 200
const link: LinkSpeed = { delayMs: roundTripMs / 2, bytesPerMs: megabitsPerSecond * 125 }
/** The share of the link that the large file must use. */
const linkShare = 0.85
/** The goal of the small files, in round trips per file. */
const roundTripShare = 0.1

export interface DelaySize {
  /** Size of the large file. */
  readonly mebibytes: number
  /** Number of small files of 1 KiB. */
  readonly files: number
}

export const delay: Benchmark<DelaySize> = {
  name: 'delay',
  anchors: [],
  measure: async ({ mebibytes, files }, options) => {
    await measureLarge(mebibytes, options)
    await measureSmall(files, options)
  },
}

async function measureLarge(mebibytes: number, options: BenchmarkOptions): Promise<void> {
  await using folder = await temporaryFolder()
  const original = await aFile(folder.path, 'large.bin', { bytes: mebibytes * 2 ** 20 })
  await using cluster = await startFarAway(1, sharing(original))
  const { downloader } = cluster
  const measure = async (): Promise<number> => {
    await flushDisk()
    const seconds = await downloadAndCheck(downloader, original)
    await forgetDownloads(downloader)
    return seconds
  }
  const seconds = linkSeconds(original.size, megabitsPerSecond)
  const contenders = [
    { name: tandem, measure },
    bound(`${linkShare} of ${megabitsPerSecond} Mbit/s`, seconds / linkShare),
  ]
  await measureInterleaved(`${mebibytes} MiB, ${roundTripMs} ms away`, contenders, options)
}

async function measureSmall(files: number, options: BenchmarkOptions): Promise<void> {
  await using folder = await temporaryFolder()
  const corpus = { peerId: 'peer1', kb: files, mb: 0, seed: 'delay' }
  const { kb: originals } = await writeCorpus(join(folder.path, 'originals'), corpus)
  const share = async (sharedFolder: string): Promise<void> => {
    await writeCorpus(join(sharedFolder, smallFolder), corpus)
  }
  await using cluster = await startFarAway(files, share)
  const contenders = [
    tandemWith(cluster.downloader, originals),
    bound(
      `${roundTripShare} of a round trip for each`,
      (roundTripShare * files * roundTripMs) / 1_000,
    ),
  ]
  await measureInterleaved(`${files} files of 1 KiB, ${roundTripMs} ms away`, contenders, options)
}

function bound(name: string, seconds: number): Contender {
  return { name, goal: 1, measure: async () => seconds }
}

/** A source at the far end of the link, and a downloader at the near end. */
async function startFarAway(
  files: number,
  share: (sharedFolder: string) => Promise<void>,
): Promise<TransferCluster> {
  const proxy = (port: number): Promise<AsyncDisposable> => startLongLink(port, link)
  return await startTransferCluster({ sources: 1, files, share, source: { proxy } })
}
