import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { numberText, rateText } from '../format/units.ts'
import { Chart, type ChartSeries } from '../parts/chart.tsx'
import { usePage } from '../shell/page-context.ts'
import { latencyText, perSecondText } from './activity-text.ts'
import type { Sample } from './activity-types.ts'
import { columnsOf, hourMs } from './samples.ts'

interface ChartRow {
  readonly title: string
  readonly text: (value: number) => string
  readonly topMin: number
  readonly series: readonly (Pick<ChartSeries, 'label' | 'color'> & {
    readonly value: (sample: Sample) => number | undefined
  })[]
}

const charts: readonly ChartRow[] = [
  {
    title: 'Throughput',
    text: rateText,
    topMin: 1_000,
    series: [
      { label: 'Sends', color: 1, value: (sample) => sample.uploadBytesPerSecond },
      { label: 'Receives', color: 2, value: (sample) => sample.downloadBytesPerSecond },
    ],
  },
  {
    title: 'Lookups',
    text: perSecondText,
    topMin: 1,
    series: [{ label: 'Lookups', color: 1, value: (sample) => sample.lookupsPerSecond }],
  },
  {
    title: 'Time of a lookup',
    text: latencyText,
    topMin: 1,
    series: [
      { label: 'Median', color: 1, value: (sample) => sample.p50Ms },
      { label: '99 %', color: 4, value: (sample) => sample.p99Ms },
    ],
  },
  {
    title: 'Contents and their copies',
    text: numberText,
    topMin: 4,
    series: [
      { label: 'All copies', color: 3, value: (sample) => sample.atFactor },
      { label: 'Too few', color: 2, value: (sample) => sample.belowFactor },
      { label: 'None', color: 4, value: (sample) => sample.withoutCopies },
    ],
  },
]

interface HourChartsProps {
  /** Undefined while it is loaded. */
  readonly series: { readonly samples: readonly Sample[]; readonly everyMs: number } | undefined
}

export function HourCharts({ series }: HourChartsProps): JSX.Element {
  const { clock } = usePage()
  const shown = useMemo(() => {
    const columns = columnsOf(series?.samples ?? [], series?.everyMs ?? 1)
    const toMs = Math.max(columns.times.at(-1) ?? 0, clock.nowMs())
    const plots = charts.map(({ series: lines, ...chart }) => ({
      ...chart,
      series: lines.map(({ value, ...line }) => ({ ...line, values: columns.valuesOf(value) })),
    }))
    return { plots, times: columns.times, fromMs: toMs - hourMs, toMs }
  }, [series, clock])
  const { plots, times, fromMs, toMs } = shown
  return (
    <div class="charts">
      {plots.map((chart) => (
        <Chart key={chart.title} {...chart} times={times} fromMs={fromMs} toMs={toMs} />
      ))}
    </div>
  )
}
