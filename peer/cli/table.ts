import Table from 'cli-table3'

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

export interface Column {
  readonly title: string
  readonly align?: 'left' | 'right'
}

/** Aligned rows under their titles, without lines. Wide (CJK) and styled text counts by its displayed width. */
export function tableText(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  styleTitle: (title: string) => string,
): string {
  const table = new Table({
    head: columns.map(({ title }) => styleTitle(title)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    chars: noLines,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
  })
  table.push(...rows.map((row) => [...row]))
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
