import type { BigIntStats } from 'node:fs'
import type { InsidePath } from '../inside.ts'

/** The attributes that tell, without reading a file, whether it changed since it was hashed. */
export interface FileStat {
  readonly size: number
  readonly mtimeNs: bigint
  /**
   * Time of the last change of bytes or attributes, set by the system only; absent where it is
   * unknown, and then ignored.
   */
  readonly ctimeNs?: bigint
  readonly ino: bigint
}

/** A hashed file, with its attributes at that time. */
export interface FileAsHashed extends InsidePath {
  readonly stat: FileStat
}

/** Without the change time: moving a file into place changes it. */
export function fileStatOf(stats: BigIntStats): FileStat {
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs, ino: stats.ino }
}

/** With the change time, for a file that is already in its place. */
export function foundStatOf(stats: BigIntStats): FileStat {
  return { ...fileStatOf(stats), ctimeNs: stats.ctimeNs }
}

/** Whether a file looks unchanged: same size, modification time and inode. */
export function isSameStat(one: FileStat, other: FileStat): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.ino === other.ino
}
