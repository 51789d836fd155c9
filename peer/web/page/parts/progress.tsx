import type { JSX } from 'preact'
import { percentText } from '../format/units.ts'

interface ProgressProps {
  readonly part: number
  /** 0 if unknown. */
  readonly whole: number
  readonly tone?: 'accent' | 'ok' | 'bad' | 'paused'
  /** What is in progress, for screen readers. */
  readonly label: string
}

export function Progress({ part, whole, tone = 'accent', label }: ProgressProps): JSX.Element {
  const isUnknown = whole <= 0 && tone === 'accent'
  const width = whole <= 0 ? (tone === 'ok' ? 100 : 0) : Math.min(100, (100 * part) / whole)
  return (
    <span
      class={`progress ${tone}${isUnknown ? ' unknown' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(isUnknown
        ? {}
        : { 'aria-valuenow': Math.floor(width), 'aria-valuetext': percentText(part, whole) })}
    >
      <span style={isUnknown ? {} : { width: `${width}%` }} />
    </span>
  )
}
