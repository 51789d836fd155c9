import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { Sample } from '../../common/protocol/history-messages.ts'
import type { Purpose } from '../../common/protocol/messages.ts'
import type { QueryLog } from './query-log.ts'
import { rateOf } from './small-transfers.ts'

/** Interval of samples. */
export const sampleEveryMs = 10_000

type Passed = Readonly<Record<Purpose, number>>
/** The contents of the cluster; nothing without an index. Rejects only with the signal's reason. */
export type SampledContents = (
  signal: AbortSignal,
) => Promise<Pick<Sample, 'atFactor' | 'belowFactor' | 'withoutCopies'>>

interface SamplerDependencies {
  readonly uploads: { readonly passedBytes: Passed }
  readonly downloads: { readonly passedBytes: Passed }
  readonly queries: Pick<QueryLog, 'takeLatency'>
  readonly contents: SampledContents
  readonly onSample: (sample: Sample) => void
  readonly clock: Clock
  readonly log: Log
}

/** Samples what charts show. */
export class Sampler implements AsyncDisposable {
  readonly #background: BackgroundWork

  constructor(dependencies: SamplerDependencies) {
    this.#background = new BackgroundWork(dependencies)
    this.#background.start('sample for charts', (signal) => sampleForEver(dependencies, signal))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }
}

async function sampleForEver(
  { uploads, downloads, queries, contents, onSample, clock }: SamplerDependencies,
  signal: AbortSignal,
): Promise<void> {
  let before = { sent: 0, received: 0, atMs: clock.monotonicMs() }
  for (;;) {
    await clock.sleep(sampleEveryMs, signal)
    const { atFactor, belowFactor, withoutCopies } = await contents(signal)
    const atMs = clock.monotonicMs()
    const now = { sent: sumOf(uploads.passedBytes), received: sumOf(downloads.passedBytes), atMs }
    const { lookups, ...latency } = queries.takeLatency()
    const spanMs = atMs - before.atMs
    onSample({
      timeMs: Math.round(clock.nowMs()),
      uploadBytesPerSecond: rateOf(now.sent - before.sent, spanMs),
      downloadBytesPerSecond: rateOf(now.received - before.received, spanMs),
      lookupsPerSecond: Math.round((10_000 * lookups) / spanMs) / 10,
      ...latency,
      ...(atFactor !== undefined && { atFactor }),
      ...(belowFactor !== undefined && { belowFactor }),
      ...(withoutCopies !== undefined && { withoutCopies }),
    })
    before = now
  }
}

function sumOf({ download, replication }: Passed): number {
  return download + replication
}
