/**
 * One large file over loopback into a file on the same disk, with a warm page cache at the source.
 *
 * Tandem is driven through the HTTP API of a running peer, which answers when the file is verified,
 * flushed and under its name; the anchors are done when their processes end. Before each
 * measurement all pending writes are flushed, so that no contender pays for its predecessor. The
 * unavoidable part is measured, too: `dd` writes and flushes the same bytes.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashFile } from '../../common/content/hash.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { metalinkOf } from '../../peer/web/files/metalink.ts'
import { checkFile } from '../system/check-file.ts'
import { freePorts } from '../system/cluster-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import { pathOf } from './anchor-programs.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { type Contender, measureInterleaved, secondsOf } from './interleaved.ts'
import { flushDisk, runToEnd } from './outside-process.ts'
import { processorSecondsOf } from './processor-time.ts'
import {
  downloadAndCheck,
  forgetDownloads,
  sharing,
  startTransferCluster,
  type TransferCluster,
} from './transfer-fixture.ts'
import { fetchAndHash, fetchWithAria2, fetchWithCurl, startNginx } from './web-anchors.ts'

const sourceCounts = [1, 3] as const
const aria2Connections = 4

export interface TransferSize {
  readonly mebibytes: number
}

export const transfer: Benchmark<TransferSize> = {
  name: 'transfer',
  anchors: ['nginx', 'curl', 'sha256sum', 'sync', 'aria2c', 'dd'],
  measure: measureTransfer,
}

async function measureTransfer(
  { mebibytes }: TransferSize,
  options: BenchmarkOptions,
): Promise<void> {
  await using folder = await temporaryFolder()
  const bytes = mebibytes * 2 ** 20
  const original = await aFile(join(folder.path, 'originals'), 'large.bin', { bytes })
  for (const sources of sourceCounts) {
    const share = sharing(original)
    await using cluster = await startTransferCluster({ sources, files: 1, share })
    await using web = await startWeb(original, { sources, folder: folder.path, ...options })
    const work = `${mebibytes} MiB from ${sources} ${sources === 1 ? 'source' : 'sources'}`
    const contenders = [
      tandemContender(cluster, original, (role, seconds) =>
        options.onSample({
          work: `${work}: processor time per GiB, ${role}`,
          contender: tandem,
          unit: 'seconds',
          value: (seconds * 2 ** 30) / bytes,
        }),
      ),
      ...web.contenders,
      diskContender(original, join(folder.path, 'written')),
    ]
    await measureInterleaved(work, contenders, options)
  }
}

function tandemContender(
  { downloader, sources }: TransferCluster,
  original: FileFixture,
  onProcessorTime: (role: string, seconds: number) => void,
): Contender {
  const measure = async (): Promise<number> => {
    await flushDisk()
    const before = [await processorTimeOf([downloader]), await processorTimeOf(sources)] as const
    const seconds = await downloadAndCheck(downloader, original)
    onProcessorTime('downloading', (await processorTimeOf([downloader])) - before[0])
    onProcessorTime('serving', (await processorTimeOf(sources)) - before[1])
    await forgetDownloads(downloader)
    return seconds
  }
  return { name: tandem, measure }
}

/** Of all these together; 0 where the system does not report it. */
async function processorTimeOf(peers: readonly TandemProcess[]): Promise<number> {
  let seconds = 0
  for (const { pid } of peers)
    if (pid !== undefined) seconds += (await processorSecondsOf(pid)) ?? 0
  return seconds
}

function diskContender(original: FileFixture, path: string): Contender {
  const measure = async (): Promise<number> => {
    await flushDisk()
    const words = [`if=${original.path}`, `of=${path}`, 'bs=1M', 'conv=fdatasync', 'status=none']
    const seconds = await secondsOf(() => runToEnd(pathOf('dd'), words))
    await rm(path)
    return seconds
  }
  return { name: 'dd to the disk, flushed', needs: ['dd'], measure }
}

interface WebOptions extends Pick<BenchmarkOptions, 'missing'> {
  /** Number of servers; only aria2c can use more than one. */
  readonly sources: number
  readonly folder: string
}

/** One nginx per source, and the clients that download from them. */
async function startWeb(
  original: FileFixture,
  { sources, folder, missing }: WebOptions,
): Promise<{ contenders: Contender[] } & AsyncDisposable> {
  if (missing.includes('nginx')) return { contenders: [], [Symbol.asyncDispose]: async () => {} }
  await using starting = new AsyncDisposableStack()
  const urls: string[] = []
  for (let number = 1; number <= sources; number++) {
    const [port] = await freePorts()
    const own = join(folder, `nginx${number}`)
    starting.use(await startNginx(dirname(original.path), { folder: own, port }))
    urls.push(`http://127.0.0.1:${port}/${original.name}`)
  }
  const metalink = join(folder, `${sources}.meta4`)
  const { chunkList } = await hashFile(original.path)
  await writeFile(metalink, metalinkOf({ ...original, chunkList, urls }))
  const contenders = webContenders(original, { urls, metalink, folder: join(folder, 'fetched') })
  const started = starting.move()
  return { contenders, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

function webContenders(
  original: FileFixture,
  { urls: [url = ''], metalink, folder }: { urls: string[]; metalink: string; folder: string },
): Contender[] {
  const measuring = (fetch: (path: string) => Promise<void>) => async (): Promise<number> => {
    const path = join(folder, original.name)
    await mkdir(folder)
    await flushDisk()
    const seconds = await secondsOf(() => fetch(path))
    await checkFile(original, path)
    await rm(folder, { recursive: true })
    return seconds
  }
  return [
    {
      name: 'nginx, curl',
      needs: ['curl'],
      goal: 1.2,
      measure: measuring((path) => fetchWithCurl(url, path)),
    },
    {
      name: 'nginx, curl && sha256sum',
      needs: ['curl', 'sha256sum'],
      goal: 0.5,
      measure: measuring((path) => fetchAndHash(url, path, original)),
    },
    {
      name: 'nginx, curl && sync && sha256sum',
      needs: ['curl', 'sync', 'sha256sum'],
      goal: 1,
      measure: measuring((path) => fetchAndHash(url, path, { ...original, isFlushed: true })),
    },
    {
      name: `nginx, aria2c with ${aria2Connections} connections`,
      needs: ['aria2c'],
      goal: 0.5,
      measure: measuring((path) => fetchWithAria2(metalink, path, aria2Connections)),
    },
  ]
}
