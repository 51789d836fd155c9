import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import { timeText } from '../format/units.ts'
import { usePage } from '../shell/page-context.ts'

export interface ChartSeries {
  readonly label: string
  /** One of the series colours of the design. */
  readonly color: 1 | 2 | 3 | 4
  /** One per time; null where unknown. */
  readonly values: readonly (number | null)[]
}

interface ChartProps {
  readonly title: string
  /** Milliseconds since 1970, ascending. */
  readonly times: readonly number[]
  /** What the chart covers, whether or not there are values. */
  readonly fromMs: number
  readonly toMs: number
  readonly series: readonly ChartSeries[]
  readonly text: (value: number) => string
  /** The upper end of an axis without larger values. */
  readonly topMin: number
}

/** Of the plot, in pixels: known before it is drawn, so that nothing moves. */
const plotHeight = 148

/** Lines over time; the figures under the pointer, or the newest ones, are in the legend. */
export function Chart(props: ChartProps): JSX.Element {
  const { title, times, series, text } = props
  const place = useRef<HTMLDivElement>(null)
  const pointed = useSignal<number | undefined>(undefined)
  usePlot(place, props, (index) => {
    pointed.value = index
  })
  const shown = pointed.value ?? times.length - 1
  const shownMs = times[shown]
  return (
    <figure class="chart card">
      <figcaption>
        <h3>{title}</h3>
        <span class="faint" aria-hidden="true">
          {pointed.value === undefined || shownMs === undefined ? '' : timeText(shownMs)}
        </span>
      </figcaption>
      <ul class="legend" aria-hidden="true">
        {series.map(({ label, color, values }) => (
          <li key={label}>
            <span class={`swatch s${color}`} />
            <span class="soft">{label}</span>
            <strong>{valueText(values[shown], text)}</strong>
          </li>
        ))}
      </ul>
      <div
        ref={place}
        class="plot"
        style={{ height: `${plotHeight}px` }}
        role="img"
        aria-label={summaryOf(props)}
      />
    </figure>
  )
}

function valueText(value: number | null | undefined, text: (value: number) => string): string {
  return value === null || value === undefined ? '–' : text(value)
}

/** What the lines show, in words. */
function summaryOf({ title, series, text }: ChartProps): string {
  const parts = series.map(({ label, values }) => {
    const known = values.filter((value) => value !== null)
    const newest = known.at(-1)
    if (newest === undefined) return `${label}: no values`
    const highest = known.reduce((most, value) => Math.max(most, value), 0)
    return `${label}: ${text(newest)} now, at most ${text(highest)}`
  })
  return `${title} over the last hour. ${parts.join('. ')}.`
}

/** Keeps a plot in `place`: it is made again for another theme, and follows size and values. */
function usePlot(
  place: { readonly current: HTMLDivElement | null },
  props: ChartProps,
  onPoint: (index: number | undefined) => void,
): void {
  const { theme } = usePage()
  const isDark = theme.isDark.value
  const plot = useRef<UPlot>(undefined)
  const latest = useRef(props)
  latest.current = props
  useLayoutEffect(() => {
    const element = place.current
    if (element === null) return
    const made = new UPlot(optionsOf(latest, element, onPoint), dataOf(latest.current), element)
    plot.current = made
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: plotHeight }),
    )
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = undefined
    }
    // The options read the newest values from `latest`.
  }, [place, isDark, props.series.length])
  const { times, fromMs, toMs } = props
  useEffect(() => plot.current?.setData(dataOf(latest.current)), [times, fromMs, toMs])
}

function dataOf({ times, series }: ChartProps): UPlot.AlignedData {
  return [times.map((ms) => ms / 1000), ...series.map(({ values }) => [...values])]
}

function optionsOf(
  latest: { readonly current: ChartProps },
  element: HTMLElement,
  onPoint: (index: number | undefined) => void,
): UPlot.Options {
  const styles = getComputedStyle(element)
  const color = (name: string): string => styles.getPropertyValue(name).trim()
  const axis = {
    stroke: color('--text-faint'),
    font: `11px ${styles.fontFamily}`,
    ticks: { show: false },
  }
  return {
    width: element.clientWidth,
    height: plotHeight,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: () => [latest.current.fromMs / 1000, latest.current.toMs / 1000] },
      y: { range: (_, __, highest) => [0, topOf(highest, latest.current.topMin)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 24,
        space: 70,
        values: (_, seconds) => seconds.map((at) => timeText(at * 1000).slice(0, 5)),
      },
      {
        ...axis,
        grid: { stroke: color('--line'), width: 1 },
        size: 62,
        gap: 6,
        space: 34,
        values: (_, values) => values.map((value) => latest.current.text(value)),
      },
    ],
    series: [
      {},
      ...latest.current.series.map((series) => ({
        label: series.label,
        stroke: color(`--series-${series.color}`),
        width: 1.75,
        points: { show: false },
      })),
    ],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? undefined)] },
  }
}

function topOf(highest: number | null, least: number): number {
  return Math.max(least, (highest ?? 0) * 1.12)
}
