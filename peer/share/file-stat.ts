import type { BigIntStats } from 'node:fs'
import type { FileStat } from '../../common/content/hash.ts'

export function fileStatOf(stats: BigIntStats): FileStat {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, ino: stats.ino }
}

/** With the time of the last change: of a file that was found in its place, not of one that is being put there. */
export function foundStatOf(stats: BigIntStats): FileStat {
  return { ...fileStatOf(stats), ctimeNs: stats.ctimeNs }
}

/** Whether a file is still, without reading it, the one it was. */
export function isSameStat(one: FileStat, other: FileStat): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.ino === other.ino
}

/** FAT keeps times to two seconds, and tools that copy with times to a second or a millisecond. */
const roundedByNs = 2_000_000_000n

/** Whether a file probably has the bytes that it had, wherever its disk or its copy is now. */
export function isSameBytes(one: FileStat, other: FileStat): boolean {
  const apartNs = one.mtimeNs - other.mtimeNs
  return one.size === other.size && -roundedByNs < apartNs && apartNs < roundedByNs
}
