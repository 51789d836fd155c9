/**
 * What idle open pages cost their peer, in a cluster where nothing happens: CPU time
 * and memory with none, one and many.
 */
import assert from 'node:assert/strict'
import { systemClock } from '../../common/clock.ts'
import { PageStream } from '../../peer/testing/page-stream.ts'
import { startCluster } from '../system/cluster-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { residentMemoryOf } from './peak-memory.ts'
import { processorSecondsOf } from './processor-time.ts'

export interface PageSize {
  /** Numbers of open pages. */
  readonly pages: readonly number[]
  readonly peers: number
  /** How long CPU time is measured. */
  readonly seconds: number
}

export const page: Benchmark<PageSize> = {
  name: 'page',
  anchors: [],
  measure: measurePages,
}

/** Before measuring: after a start caches warm up and memory is released. */
const settleMs = 10_000
/** Of a core, for any number of pages. */
const percentMax = 1
const bytesPerPageMax = 200_000
const pagesMeasurable = 20

async function measurePages(
  { pages, peers, seconds }: PageSize,
  { rounds, onSample }: BenchmarkOptions,
): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await using cluster = await startCluster({ peers, factor: 2 })
    const peer = cluster.peer(1)
    await systemClock.sleep(settleMs)
    const without = await costOf(peer, 0, seconds)
    for (const count of pages) {
      const { percent, bytes } = count === 0 ? without : await costOf(peer, count, seconds)
      const work = `${count} open pages`
      const perPage = Math.max(0, bytes - without.bytes) / Math.max(1, count)
      onSample({ contender: tandem, work: `${work}, CPU`, unit: 'percent', value: percent })
      onSample({ contender: tandem, work: `${work}, each`, unit: 'bytes', value: perPage })
      const bound = { contender: 'bound', goal: 1 } as const
      onSample({ ...bound, work: `${work}, CPU`, unit: 'percent', value: percentMax })
      // Of a few pages, the memory is lost in that of the peer.
      if (count >= pagesMeasurable)
        onSample({ ...bound, work: `${work}, each`, unit: 'bytes', value: bytesPerPageMax })
    }
  }
}

async function costOf(
  peer: TandemProcess,
  count: number,
  seconds: number,
): Promise<{ percent: number; bytes: number }> {
  const { pid } = peer
  assert(pid !== undefined, 'it must be running')
  const { origin } = peer.apiUrl
  const open = await Promise.all(Array.from({ length: count }, () => PageStream.open(origin)))
  await systemClock.sleep(settleMs)
  const before = (await processorSecondsOf(pid)) ?? 0
  await systemClock.sleep(seconds * 1_000)
  const spent = ((await processorSecondsOf(pid)) ?? 0) - before
  const bytes = await residentMemoryOf(pid)
  for (const one of open) {
    assert(!one.isClosed, 'an open page was disconnected')
    one.close()
  }
  return { percent: (spent / seconds) * 100, bytes }
}
