/**
 * Many files of 1 KiB, from one peer to another, against rsync from its daemon.
 *
 * Tandem is done when every file is verified, flushed to the disk and under its name, and the index
 * knows of all the copies; it is asked by several clients of a running peer's HTTP API.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { writeCorpus } from '../scaling/corpus.ts'
import { downloadFiles } from '../scaling/download-files.ts'
import { checkFile, type Original } from '../system/check-file.ts'
import { apiOf, freePorts } from '../system/cluster-fixture.ts'
import { copiesKnown } from '../system/copies-known.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { type Contender, measureInTurns, secondsOf } from './in-turns.ts'
import { flushDisk } from './outside-process.ts'
import { fetchWithRsync, startRsyncDaemon } from './rsync-anchor.ts'
import { forgetDownloads, startTransferCluster } from './transfer-fixture.ts'

const clients = 32

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
    await writeCorpus(sharedFolder, corpus)
  }
  await using cluster = await startTransferCluster({ sources: 1, files, share })
  const [port] = await freePorts()
  await using daemon = options.missing.includes('rsync')
    ? undefined
    : await startRsyncDaemon(root, { folder: folder.path, port })
  const contenders = [tandemWith(cluster.downloader, originals)]
  if (daemon !== undefined) {
    const fetched = join(folder.path, 'fetched')
    contenders.push(rsyncFrom(port, { originals, fetched }))
  }
  await measureInTurns(`${files} files of 1 KiB`, contenders, options)
}

/** Tandem, downloading all of `originals`, which one peer shares. */
export function tandemWith(downloader: TandemProcess, originals: readonly Original[]): Contender {
  const measure = async (): Promise<number> => {
    using stack = new DisposableStack()
    const apis = Array.from({ length: clients }, () => stack.use(apiOf(downloader)))
    await flushDisk()
    let check = async (): Promise<void> => {}
    const seconds = await secondsOf(async () => {
      check = (await downloadFiles(apis, originals)).check
      await copiesKnown(downloader, originals.length)
    })
    await check()
    await forgetDownloads(downloader)
    return seconds
  }
  return { name: tandem, measure }
}

function rsyncFrom(
  port: number,
  { originals, fetched }: { originals: readonly Original[]; fetched: string },
): Contender {
  const measure = async (): Promise<number> => {
    await flushDisk()
    const seconds = await secondsOf(() => fetchWithRsync(port, fetched))
    for (const file of originals) await checkFile(file, join(fetched, file.name))
    await rm(fetched, { recursive: true })
    return seconds
  }
  return { name: 'rsync from its daemon', goal: 1, measure }
}
