/**
 * Reads parts of a file and compares their chunks with their hashes; the other end is copy-reader.ts.
 * It reads from the disk and not from the page cache, where the system allows that: what counts is
 * what the disk has, and the cache keeps what others use.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, readSync } from 'node:fs'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { type InsidePath, openInsideSync } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import { answerCalls } from '../../common/thread/answer-calls.js'
import { diskFaultCodes } from './disk-fault-codes.ts'

/** Consecutive chunks of a file. */
export interface ReadCopyRequest extends InsidePath {
  /** The file must be, and stay, as it was then. */
  readonly stat: FileStat
  /** Position of the first byte. */
  readonly start: number
  readonly chunkBytes: number
  /** SHA-256 of each chunk. The last may end before `chunkBytes`, at `end`. */
  readonly hashes: Uint8Array
  readonly end: number
}

export interface ChunkFault {
  /** As in "it {why}". */
  readonly why: string
  /** Whether the disk did not give the bytes, instead of wrong ones. */
  readonly isUnreadable: boolean
}

export type ReadCopyReply =
  /** For each chunk what is wrong with it; undefined when it has its hash. */
  | { readonly kind: 'read'; readonly faults: readonly (ChunkFault | undefined)[] }
  | { readonly kind: 'changed' }
  /** The file cannot be opened. */
  | { readonly kind: 'refused'; readonly code: string | undefined; readonly reason: string }

const hashBytes = 32
/** Begins at a page, as memory that can grow does: reads that bypass the page cache require that. */
const unit = Buffer.from(
  new ArrayBuffer(limits.chunkBytesMin, { maxByteLength: limits.chunkBytesMin }),
  0,
  limits.chunkBytesMin,
)
const pageBytes = 4_096
const directFlag = 'O_DIRECT' in constants ? constants.O_DIRECT : 0

answerCalls<ReadCopyRequest, ReadCopyReply>((request) => {
  try {
    return { reply: readCopy(request, directFlag) }
  } catch (error) {
    // Some file systems cannot bypass the page cache.
    const isDirectRefused = directFlag !== 0 && systemErrorCode(error) === 'EINVAL'
    if (!isDirectRefused) return { reply: refusal(error) }
  }
  try {
    return { reply: readCopy(request, 0) }
  } catch (error) {
    return { reply: refusal(error) }
  }
})

function refusal(error: unknown): ReadCopyReply {
  return { kind: 'refused', code: systemErrorCode(error), reason: reasonOf(error) }
}

/** @throws why the file cannot be opened or read; EINVAL if it cannot be with these flags */
function readCopy(request: ReadCopyRequest, flags: number): ReadCopyReply {
  const { stat, start, chunkBytes, hashes, end } = request
  const descriptor = openInsideSync(request, flags)
  try {
    if (!isAsBefore(descriptor, stat)) return { kind: 'changed' }
    const faults: (ChunkFault | undefined)[] = []
    for (let chunk = 0; chunk * hashBytes < hashes.length; chunk += 1) {
      const from = start + chunk * chunkBytes
      const range = { from, to: Math.min(end, from + chunkBytes) }
      const hash = Buffer.from(hashes.subarray(chunk * hashBytes, (chunk + 1) * hashBytes))
      // One wrong read is not yet a fault of the disk.
      faults.push(faultOf(descriptor, range, hash) && faultOf(descriptor, range, hash))
    }
    return isAsBefore(descriptor, stat) ? { kind: 'read', faults } : { kind: 'changed' }
  } finally {
    closeSync(descriptor)
  }
}

function isAsBefore(descriptor: number, stat: FileStat): boolean {
  const now = fstatSync(descriptor, { bigint: true })
  return now.isFile() && isSameStat(fileStatOf(now), stat)
}

/** @throws errors that do not concern the bytes */
function faultOf(
  descriptor: number,
  { from, to }: { from: number; to: number },
  expected: Buffer,
): ChunkFault | undefined {
  const hash = createHash('sha256')
  try {
    for (let position = from; position < to; ) {
      const wanted = Math.min(unit.length, to - position)
      const whole = Math.ceil(wanted / pageBytes) * pageBytes
      const count = readSync(descriptor, unit, 0, Math.min(whole, unit.length), position)
      if (count === 0) return { why: 'is shorter than it was', isUnreadable: false }
      const bytes = Math.min(count, wanted)
      hash.update(unit.subarray(0, bytes))
      position += bytes
    }
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === undefined || !diskFaultCodes.has(code)) throw error
    return { why: `cannot be read (${code})`, isUnreadable: true }
  }
  if (hash.digest().equals(expected)) return undefined
  return { why: 'has bytes that changed', isUnreadable: false }
}
