/**
 * Kills a downloading peer part of the way through a large file, restarts it, and downloads again.
 *
 * Measures the chunks that the source sent beyond those of the file. The bound is what was in
 * flight at the kill: at most what a fetch requests at a time. The chunk list, which is sent once
 * and kept, is not counted; the total of extra bytes is shown, too.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { chunkCountFor, hashBytes } from '../../common/content/chunks.ts'
import { AppError, errorFromWire } from '../../common/errors.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { fetchWindowBytes } from '../../peer/fetch/transfer/chunk-plan.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import { readMetric } from '../system/read-metric.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import {
  downloadAndCheck,
  forgetDownloads,
  sharing,
  startTransferCluster,
} from './transfer-fixture.ts'

const killPercents = [30, 60, 90] as const
const lookEveryMs = 1

export interface ResumeSize {
  readonly mebibytes: number
}

export const resume: Benchmark<ResumeSize> = {
  name: 'resume',
  anchors: [],
  measure: measureResume,
}

async function measureResume(
  { mebibytes }: ResumeSize,
  { rounds, onSample }: BenchmarkOptions,
): Promise<void> {
  await using folder = await temporaryFolder()
  const original = await aFile(folder.path, 'large.bin', { bytes: mebibytes * 2 ** 20 })
  const share = sharing(original)
  await using cluster = await startTransferCluster({ sources: 1, files: 1, share })
  const { downloader, sources } = cluster
  const [source] = sources
  assert(source !== undefined)
  const sentBytes = (): Promise<number> => readMetric(source, 'tandem_peer_sent_bytes_total')
  const chunkListBytes = chunkCountFor(original.size) * hashBytes
  for (let round = 0; round < rounds; round++)
    for (const percent of killPercents) {
      const sentBefore = await sentBytes()
      await killAt(percent, downloader, original)
      await downloader.start()
      await downloadAndCheck(downloader, original)
      const beyond = (await sentBytes()) - sentBefore - original.size
      await forgetDownloads(downloader)
      const killed = `${mebibytes} MiB, killed at ${percent} %`
      const again = { work: `${killed}, chunks fetched again`, unit: 'bytes' } as const
      onSample({ ...again, contender: tandem, value: beyond - chunkListBytes })
      const inFlight = { contender: 'chunks in flight', value: fetchWindowBytes, goal: 1 }
      onSample({ ...again, ...inFlight })
      const all = { work: `${killed}, sent beyond the file, with its chunk list`, value: beyond }
      onSample({ ...all, contender: tandem, unit: 'bytes' })
    }
}

/**
 * Starts a download and kills the peer when `bytes` are verified.
 * @throws AppError SETTING_INVALID if the download finishes before the kill
 */
async function killAt(
  percent: number,
  downloader: TandemProcess,
  { name, size }: FileFixture,
): Promise<void> {
  using api = apiOf(downloader)
  let now = await api.startDownload({ name })
  while (now.bytes * 100 < size * percent) {
    await systemClock.sleep(lookEveryMs)
    now = await api.download({ id: now.id, waitMs: 0 })
    if (now.error !== undefined) throw errorFromWire(now.error)
  }
  await downloader.kill('SIGKILL')
  if (existsSync(join(downloader.dataFolder, 'downloaded', name))) {
    const reason = 'is too small: the download ended before it could be interrupted'
    throw new AppError('SETTING_INVALID', { origin: '--size', path: String(size), reason })
  }
}
