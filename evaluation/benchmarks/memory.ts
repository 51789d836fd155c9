/**
 * The peak resident memory of a peer that downloads one large file and of the peer that serves it,
 * since their start, including the hashing of the shared file. Fresh processes in each round.
 */
import assert from 'node:assert/strict'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { peakMemoryOf } from './peak-memory.ts'
import { aSparseFile, downloadAndCheck, sharing, startTransferCluster } from './transfer-fixture.ts'

/** The limit for either peer. */
const boundBytes = 200e6

export interface MemorySize {
  /** Sizes of the files, which take disk space only at the downloader. */
  readonly mebibytes: readonly number[]
}

export const memory: Benchmark<MemorySize> = {
  name: 'memory',
  anchors: [],
  measure: measureMemory,
}

async function measureMemory(
  { mebibytes }: MemorySize,
  { rounds, onSample }: BenchmarkOptions,
): Promise<void> {
  for (const size of mebibytes) {
    await using folder = await temporaryFolder()
    const original = await aSparseFile(folder.path, 'sparse.bin', size * 2 ** 20)
    for (let round = 0; round < rounds; round++) {
      const share = sharing(original)
      await using cluster = await startTransferCluster({ sources: 1, files: 1, share })
      const { downloader, sources } = cluster
      await downloadAndCheck(downloader, original)
      for (const [role, peer] of [
        ['downloading', downloader],
        ['serving', sources[0]],
      ] as const) {
        const work = `${size} MiB, ${role} peer`
        const value = await peakOf(peer)
        onSample({ work, contender: tandem, unit: 'bytes', value })
        onSample({ work, contender: 'bound', unit: 'bytes', value: boundBytes, goal: 1 })
      }
    }
  }
}

async function peakOf(peer: TandemProcess | undefined): Promise<number> {
  assert(peer?.pid !== undefined, 'the peer must be running')
  return await peakMemoryOf(peer.pid)
}
