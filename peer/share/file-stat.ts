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
