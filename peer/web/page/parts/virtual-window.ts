/** Which rows of a long list exist in the document. */

export interface VirtualWindow {
  /** The first row that exists, and the one after the last. */
  readonly from: number
  readonly to: number
}

export interface ScrollPlace {
  readonly scrollTop: number
  readonly viewHeight: number
  readonly rowHeight: number
  readonly count: number
}

/** Rows kept above and below the visible ones, so that fast scrolling shows no gap. */
const spareRows = 8

export function virtualWindow({
  scrollTop,
  viewHeight,
  rowHeight,
  count,
}: ScrollPlace): VirtualWindow {
  const first = Math.floor(Math.max(0, scrollTop) / rowHeight)
  const last = Math.ceil((Math.max(0, scrollTop) + viewHeight) / rowHeight)
  const from = Math.min(Math.max(0, first - spareRows), count)
  return { from, to: Math.max(from, Math.min(count, last + spareRows)) }
}

/**
 * Where a row is after others were added or removed, such as new events above it.
 * @returns undefined if it is gone
 */
export function movedTo<Row>(
  index: number,
  before: readonly Row[],
  after: readonly Row[],
  keyOf: (row: Row) => string,
): number | undefined {
  const row = before[index]
  if (row === undefined) return undefined
  const key = keyOf(row)
  const same = after[index]
  if (same !== undefined && keyOf(same) === key) return index
  const found = after.findIndex((other) => keyOf(other) === key)
  return found === -1 ? undefined : found
}

/** Where to scroll so that the row is visible: as little as possible. */
export function scrollTopFor(
  row: number,
  { scrollTop, viewHeight, rowHeight }: Omit<ScrollPlace, 'count'>,
): number {
  const top = row * rowHeight
  if (top < scrollTop) return top
  return Math.max(scrollTop, top + rowHeight - viewHeight)
}

/** The row that a key moves to; undefined if the key moves nowhere. */
export function rowAfterKey(
  key: string,
  row: number,
  { count, rowsPerPage }: { count: number; rowsPerPage: number },
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: Math.max(1, rowsPerPage),
    PageUp: -Math.max(1, rowsPerPage),
    Home: -count,
    End: count,
  }
  const step = steps[key]
  if (step === undefined || count === 0) return undefined
  return Math.min(count - 1, Math.max(0, row + step))
}
