import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { sentenceOf } from '../api/problem.ts'
import { rateText } from '../format/units.ts'
import { ErrorState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import type { Sample } from './activity-types.ts'
import { HourCharts } from './hour-charts.tsx'
import { RunningList } from './running-list.tsx'
import { withSample } from './samples.ts'

/** The last hour in charts, and what is transferred now. */
export function NowSection(): JSX.Element {
  const { client, live } = usePage()
  const series = useSignal<{ samples: readonly Sample[]; everyMs: number } | undefined>(undefined)
  const failure = useSignal('')
  const attempt = useSignal(0)
  // A restart of the peer, or of the page's connection, leaves a gap; without a stream, all is one.
  const { state } = live.connection.value
  const { value: polls } = live.polls
  const { value: attempts } = attempt
  useEffect(() => {
    const leaving = new AbortController()
    client.call('series', {}, leaving.signal).then(
      (reply) => {
        series.value = reply
        failure.value = ''
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) failure.value = sentenceOf(error)
      },
    )
    return () => leaving.abort()
  }, [client, state, polls, attempts, series, failure])
  useEffect(
    () =>
      live.on('sample', (data) => {
        const { value } = series
        if (value === undefined) return
        series.value = { ...value, samples: withSample(value.samples, data as Sample) }
      }),
    [live, series],
  )
  const running = live.transfers.value
  const rate = (direction: 'in' | 'out'): number =>
    (running ?? [])
      .filter((transfer) => transfer.direction === direction)
      .reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0)
  return (
    <>
      {series.value === undefined && failure.value !== '' ? (
        <div class="card">
          <ErrorState
            sentence={failure.value}
            onRetry={() => {
              attempt.value += 1
            }}
          />
        </div>
      ) : (
        <HourCharts series={series.value} />
      )}
      <section class="stack" aria-labelledby="running">
        <div class="toolbar">
          <h2 id="running">Transfers of {live.peerId.value || 'this peer'} now</h2>
          <span class="soft">
            {running !== undefined &&
              running.length > 0 &&
              `sends ${rateText(rate('out'))} · receives ${rateText(rate('in'))}`}
          </span>
        </div>
        <RunningList transfers={running} />
      </section>
    </>
  )
}
