import { limits } from '../common/limits.ts'

/** What a reply's rows may take of a frame; the rest is for what is around them. */
const rowsBytesMax = limits.frameBodyBytesMax - 4_096

/** The first of `rows` that fit into one frame together, as JSON. Escapes make long names longer still. */
export function thatFitFrame<T>(rows: readonly T[]): T[] {
  let bytes = 0
  const end = rows.findIndex((row) => {
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1
    return bytes > rowsBytesMax
  })
  return end === -1 ? [...rows] : rows.slice(0, end)
}
