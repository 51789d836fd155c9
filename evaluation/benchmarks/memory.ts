/**
 * The most memory that a peer which downloads one large file, and the peer which serves it, ever have
 * resident, from their start on: hashing the shared file is a part of it. Fresh processes in each round.
 */
import assert from 'node:assert/strict'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { peakMemoryOf } from './peak-memory.ts'
import { aSparseFile, downloadAndCheck, sharing, startTransferCluster } from './transfer-fixture.ts'

/** What either peer may take. */
const boundBytes = 200e6

export interface MemorySize {
  /** Of the files, which take room at the downloader alone. */
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
