import { limits } from '../limits.ts'

/** Frame bytes available to the rows of a reply; the rest is for the envelope. */
const rowsBytesMax = limits.frameBodyBytesMax - 4_096

/**
 * The longest prefix of `rows` that fits into one frame as JSON. Escapes lengthen names further.
 */
export function thatFitFrame<T>(rows: readonly T[]): T[] {
  return rows.slice(
    0,
    countThatFits(rows, (row) => JSON.stringify(row)),
  )
}

/** The same for rows that are JSON already. */
export function jsonRowsThatFitFrame(rows: readonly string[]): readonly string[] {
  return rows.slice(
    0,
    countThatFits(rows, (row) => row),
  )
}

function countThatFits<T>(rows: readonly T[], jsonOf: (row: T) => string): number {
  let bytes = 0
  const end = rows.findIndex((row) => {
    bytes += Buffer.byteLength(jsonOf(row)) + 1
    return bytes > rowsBytesMax
  })
  return end === -1 ? rows.length : end
}
