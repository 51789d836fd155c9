/**
 * One file from several sources with slow links to one peer with a fast one, each on its own host:
 * from all of them, and with one that is silently cut off half-way.
 *
 * The bound is the capacity of the sources' links, of which packet headers take 4 to 5 %. Parallel
 * curls show what plain TCP achieves on this machine.
 */
import assert from 'node:assert/strict'
import { systemClock } from '../../common/clock.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { secondsOf } from './interleaved.ts'
import { linkSeconds } from './link-seconds.ts'
import { type LabHost, startNetworkLab, whyNoNetworkLab } from './network-lab.ts'
import { flushDisk } from './outside-process.ts'
import { startParts } from './parts-anchor.ts'
import {
  downloadAndCheck,
  forgetDownloads,
  sharing,
  startTransferCluster,
} from './transfer-fixture.ts'

const sources = 4
const megabitsPerSecond = { source: 100, downloader: 1_000 } as const
const lookEveryMs = 5

export interface ManySize {
  readonly mebibytes: number
}

export const many: Benchmark<ManySize> = {
  name: 'many',
  anchors: ['nginx', 'curl'],
  whyNot: whyNoNetworkLab,
  measure: measureMany,
}

async function measureMany({ mebibytes }: ManySize, options: BenchmarkOptions): Promise<void> {
  await using folder = await temporaryFolder()
  const original = await aFile(folder.path, 'large.bin', { bytes: mebibytes * 2 ** 20 })
  const { source: each, downloader: fast } = megabitsPerSecond
  await using lab = await startNetworkLab({ hosts: sources + 2, megabitsPerSecond: each })
  const { hosts } = lab
  await hosts.at(-1)?.setRate(fast)
  const share = sharing(original)
  await using cluster = await startTransferCluster({ sources, files: 1, share, hosts })
  const { downloader } = cluster
  const [, first] = hosts
  const last = hosts.at(-1)
  assert(first !== undefined && last !== undefined)
  const places = { sources: hosts.slice(1, -1), downloader: last, folder: folder.path }
  await using parts = options.missing.length > 0 ? undefined : await startParts(original, places)
  for (let round = 0; round < options.rounds; round++) {
    const work = `${mebibytes} MiB from ${sources} sources`
    const contender = 'nginx on each, curl for its part'
    const value = await parts?.measure()
    if (value !== undefined) options.onSample({ work, contender, unit: 'seconds', value })
    await flushDisk()
    const seconds = await downloadAndCheck(downloader, original)
    report({ work, seconds, bytes: original.size, share: 0.93, links: sources }, options)
    await forgetDownloads(downloader)

    await flushDisk()
    const rest = await downloadThroughCut(downloader, original, first)
    const cut = { work: `${work}, the rest of it after one was cut off`, ...rest }
    report({ ...cut, share: 0.9, links: sources - 1 }, options)
    await downloadAndCheck(downloader, original)
    await forgetDownloads(downloader)
  }
}

/** Cuts off a source when half of the file has arrived; measures the remaining time. */
async function downloadThroughCut(
  downloader: TandemProcess,
  { name, size }: FileFixture,
  source: LabHost,
): Promise<{ seconds: number; bytes: number }> {
  using api = apiOf(downloader)
  const { id } = await api.startDownload({ name })
  while ((await api.download({ id, waitMs: 0 })).bytes < size / 2)
    await systemClock.sleep(lookEveryMs)
  await source.cut()
  const bytes = size - (await api.download({ id, waitMs: 0 })).bytes
  const seconds = await secondsOf(() => downloadToEnd(api, { name }))
  await source.heal()
  return { seconds, bytes }
}

/** Reports a measurement and the time that `share` of the links' capacity would take. */
function report(
  {
    work,
    seconds,
    bytes,
    share,
    links,
  }: { work: string; seconds: number; bytes: number; share: number; links: number },
  { onSample }: BenchmarkOptions,
): void {
  const megabits = links * megabitsPerSecond.source
  const contender = `${share} of ${megabits} Mbit/s`
  onSample({ work, contender: tandem, unit: 'seconds', value: seconds })
  const value = linkSeconds(bytes, share * megabits)
  onSample({ work, contender, unit: 'seconds', value, goal: 1 })
}
