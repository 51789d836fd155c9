import { limits } from '../limits.ts'

/** Frame bytes available to the rows of a reply; the rest is for the envelope. */
const rowsBytesMax = limits.frameBodyBytesMax - 4_096

/**
 * The longest prefix of `rows` that fits into one frame as JSON. Escapes lengthen names further.
 */
export function thatFitFrame<T>(rows: readonly T[]): T[] {
  let bytes = 0
  const end = rows.findIndex((row) => {
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1
    return bytes > rowsBytesMax
  })
  return end === -1 ? [...rows] : rows.slice(0, end)
}
