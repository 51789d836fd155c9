import { bytesText } from '../../peer/cli/human-units.ts'
import { type Column, tableText } from '../../peer/cli/table.ts'
import type { Row, Sample } from './comparison.ts'

const columns: readonly Column[] = [
  { title: 'work' },
  { title: 'contender' },
  { title: 'median', align: 'right' },
  { title: 'lowest', align: 'right' },
  { title: 'highest', align: 'right' },
  { title: 'tandem / this', align: 'right' },
  { title: 'goal' },
]

/** The rows as a table; lower values are better. */
export function comparisonTable(rows: readonly Row[]): string {
  const cells = rows.map(({ work, contender, unit, rounds, median, ratio, goal }) => [
    work,
    contender,
    ...[median, Math.min(...rounds), Math.max(...rounds)].map((value) => valueText(value, unit)),
    ratio?.toFixed(2) ?? '',
    goalText(ratio, goal),
  ])
  return tableText(columns, cells, (title) => title)
}

/** A measurement in one line. */
export function sampleLine({ work, contender, value, unit }: Sample): string {
  return `${work}  ${contender}  ${valueText(value, unit)}`
}

function goalText(ratio: number | undefined, goal: number | undefined): string {
  if (ratio === undefined || goal === undefined) return ''
  return `<= ${goal}: ${ratio <= goal ? 'reached' : 'missed'}`
}

function valueText(value: number, unit: Sample['unit']): string {
  switch (unit) {
    case 'seconds':
      return `${value.toFixed(3)} s`
    case 'bytes':
      return bytesText(value)
    case 'percent':
      return `${value.toFixed(2)} %`
  }
}
