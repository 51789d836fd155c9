import type { Limits } from '../api/limit-shapes.ts'
import { type LimitKey, limitKeys, limitTable } from '../api/limit-table.ts'
import { bytesText, speedText } from './human-units.ts'
import { printable } from './printable.ts'
import type { Style } from './style.ts'
import { tableText } from './table.ts'

type Value = Limits['limits'][LimitKey]['value']

const columns = [{ title: 'LIMIT' }, { title: 'VALUE', align: 'right' }, { title: 'FROM' }] as const

/** The limits as a table, and the next change by the schedule. */
export function limitsText({ limits, nextChange }: Limits, style: Style): string {
  const rows = limitKeys.map((key) => [
    limitTable[key].word,
    valueText(key, limits[key].value),
    fromText(limits[key], style),
  ])
  const table = tableText(columns, rows, (title) => style('bold', title))
  if (nextChange === undefined) return table
  const changes = limitKeys.flatMap((key) => {
    const value = nextChange.limits[key]
    return value === undefined ? [] : [`${limitTable[key].word} ${valueText(key, value)}`]
  })
  return `${table}\nNext by schedule, ${timeText(nextChange.atMs)}: ${changes.join(', ')}`
}

function valueText(key: LimitKey, value: Value): string {
  if (typeof value !== 'number') return value
  switch (limitTable[key].unit) {
    case 'rate':
      return speedText(value)
    case 'size':
      return bytesText(value)
    case 'count':
      return String(value)
  }
}

function fromText({ from, origin }: Limits['limits'][LimitKey], style: Style): string {
  if (from === 'hand') return style('yellow', 'set manually')
  if (from === 'schedule') return `schedule: ${printable(origin ?? '')}`
  return origin === 'default' ? style('dim', 'default') : printable(origin ?? '')
}

const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

/** `Monday 08:00`, in local time: a schedule repeats weekly. */
function timeText(atMs: number): string {
  const date = new Date(atMs)
  const [hours, minutes] = [date.getHours(), date.getMinutes()].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${dayNames[date.getDay()] ?? ''} ${hours}:${minutes}`
}
