/** One history of several peers: newest first, then by peer, then the later number first. */

export interface HistoryRow {
  /** `timeMs-number`. */
  readonly id: string
  readonly timeMs: number
}

export type RowAt<Row> = Row & { readonly at: string }

interface Position {
  readonly timeMs: number
  readonly number: number
  readonly at: string
}

function positionOf(cursor: string): Position {
  const [timeMs = '', number = '', ...at] = cursor.split('-')
  return { timeMs: Number(timeMs), number: Number(number), at: at.join('-') }
}

/** The cursor of a page that ends with this row. */
export function cursorOf({ id, at }: RowAt<HistoryRow>): string {
  return `${id}-${at}`
}

/** Before which row of its own a peer continues after a page that ended at `cursor`. */
export function beforeAt(peerId: string, cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined
  const { timeMs, number, at } = positionOf(cursor)
  if (peerId === at) return `${timeMs}-${number}`
  // At the same time, rows of peers with lower ids come first.
  return peerId < at ? `${timeMs}-0` : `${timeMs + 1}-0`
}

/** The first rows of a peer, in order. */
export interface RowsOfPeer<Row> {
  readonly rows: readonly RowAt<Row>[]
  /** Whether more follow, of which nothing is known but that they come later. */
  readonly isMore: boolean
}

/** The first rows of all, at most `limit`: none that unknown ones may come before. */
export function merged<Row extends HistoryRow>(
  lists: readonly RowsOfPeer<Row>[],
  limit: number,
): RowAt<Row>[] {
  const ends = lists.flatMap(({ rows, isMore }) => (isMore ? rows.slice(-1) : []))
  const [end] = ends.toSorted(compare)
  const all = lists.flatMap(({ rows }) => rows).toSorted(compare)
  const known = end === undefined ? all : all.filter((row) => compare(row, end) <= 0)
  return known.slice(0, limit)
}

function compare(a: RowAt<HistoryRow>, b: RowAt<HistoryRow>): number {
  if (a.timeMs !== b.timeMs) return b.timeMs - a.timeMs
  if (a.at !== b.at) return a.at < b.at ? -1 : 1
  return positionOf(b.id).number - positionOf(a.id).number
}
