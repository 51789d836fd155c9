/**
 * Many files of 1 KiB, from one peer to another, compared with the rsync daemon.
 *
 * Tandem is done when `tandem download` of their folder has ended, every file is verified and under
 * its name, and the index knows all the copies. Like rsync it flushes none of them before that.
 *
 * Fetched files are moved aside and deleted at the end: within a minute of deletions, ext4 takes up
 * to fifty times as long to create files near them.
 */
import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { writeCorpus } from '../scaling/corpus.ts'
import { checkFile, type Original } from '../system/check-file.ts'
import { freePorts } from '../system/cluster-fixture.ts'
import { copiesKnown } from '../system/copies-known.ts'
import { runTandem } from '../system/run-tandem.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { type Contender, measureInterleaved, secondsOf } from './interleaved.ts'
import { flushDisk } from './outside-process.ts'
import { fetchWithRsync, startRsyncDaemon } from './rsync-anchor.ts'
import { startTransferCluster } from './transfer-fixture.ts'

/** The folder of the source that is downloaded. */
export const smallFolder = 'bench'

export interface SmallSize {
  readonly files: number
}

export const small: Benchmark<SmallSize> = {
  name: 'small',
  anchors: ['rsync'],
  measure: measureSmall,
}

async function measureSmall({ files }: SmallSize, options: BenchmarkOptions): Promise<void> {
  await using folder = await temporaryFolder()
  const corpus = { peerId: 'peer1', kb: files, mb: 0, seed: 'small' }
  const root = join(folder.path, 'originals')
  const { kb: originals } = await writeCorpus(root, corpus)
  const share = async (sharedFolder: string): Promise<void> => {
    await writeCorpus(join(sharedFolder, smallFolder), corpus)
  }
  await using cluster = await startTransferCluster({ sources: 1, files, share })
  const [port] = await freePorts()
  await using daemon = options.missing.includes('rsync')
    ? undefined
    : await startRsyncDaemon(root, { folder: folder.path, port })
  const contenders = [tandemWith(cluster.downloader, originals)]
  if (daemon !== undefined) {
    contenders.push(rsyncFrom(port, { originals, folder: folder.path }))
  }
  await measureInterleaved(`${files} files of 1 KiB`, contenders, options)
}

/** Tandem downloading all `originals`, which one peer shares in {@link smallFolder}. */
export function tandemWith(downloader: TandemProcess, originals: readonly Original[]): Contender {
  const downloaded = join(downloader.dataFolder, 'downloaded', smallFolder)
  const words = ['download', `${smallFolder}/**`, '--json', '--api', downloader.apiUrl.href]
  let round = 0
  const measure = async (): Promise<number> => {
    await flushDisk()
    const seconds = await secondsOf(async () => {
      const { code, stderr } = await runTandem(words)
      assert.equal(code, 0, stderr)
      await copiesKnown(downloader, originals.length)
    })
    await checkFiles(originals, downloaded)
    await rename(downloaded, join(downloader.dataFolder, `round ${(round += 1)}`))
    await copiesKnown(downloader, 0)
    return seconds
  }
  return { name: tandem, measure }
}

function rsyncFrom(
  port: number,
  { originals, folder }: { originals: readonly Original[]; folder: string },
): Contender {
  let round = 0
  const measure = async (): Promise<number> => {
    const fetched = join(folder, `fetched ${(round += 1)}`)
    await flushDisk()
    const seconds = await secondsOf(() => fetchWithRsync(port, fetched))
    await checkFiles(originals, fetched)
    return seconds
  }
  return { name: 'rsync from its daemon', goal: 2, measure }
}

async function checkFiles(originals: readonly Original[], folder: string): Promise<void> {
  for (const file of originals) await checkFile(file, join(folder, file.name))
}
