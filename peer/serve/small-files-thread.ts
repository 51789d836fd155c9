/** Looks at and reads small files; the other end is small-files.ts. */
import { closeSync, fstatSync, readSync, statSync } from 'node:fs'
import { answerCalls } from '../../common/answer-calls.ts'
import type { FileStat } from '../../common/content/hash.ts'
import type { ErrorCode } from '../../common/error-table.ts'
import { systemErrorCode } from '../../common/errors.ts'
import { type InsidePath, openInsideSync } from '../../common/inside.ts'

/** A file as the catalog saw it last. */
export interface SmallFile extends InsidePath {
  readonly stat: FileStat
}

export interface SmallFilesRequest {
  readonly files: readonly SmallFile[]
  /** Whether to read them, or to look only whether they are as they were. */
  readonly reads: boolean
}

export interface SmallFilesReply {
  /** For each file why it cannot be read; undefined when it can. */
  readonly failures: readonly (ErrorCode | undefined)[]
  /** The files one after another, each with the size it had; of those that failed anything. */
  readonly bytes: ArrayBuffer
}

answerCalls<SmallFilesRequest, SmallFilesReply>(({ files, reads }) => {
  const size = reads ? files.reduce((sum, { stat }) => sum + stat.size, 0) : 0
  const bytes = new ArrayBuffer(size)
  let start = 0
  const failures = files.map((file) => {
    if (!reads) return failureOf(() => isSame(statSync(file.path, { bigint: true }), file))
    const into = new Uint8Array(bytes, start, file.stat.size)
    start += file.stat.size
    return failureOf(() => readFile(file, into))
  })
  return { reply: { failures, bytes }, transfer: [bytes] }
})

/** Why `work` did not succeed: it returned false or threw. */
function failureOf(work: () => boolean): ErrorCode | undefined {
  try {
    return work() ? undefined : 'CONTENT_CHANGED'
  } catch (error) {
    const code = systemErrorCode(error)
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'FILE_NOT_FOUND' : 'DISK_FAILED'
  }
}

/** Fills `into` if the file is still the one that was catalogued. */
function readFile(file: SmallFile, into: Uint8Array): boolean {
  const descriptor = openInsideSync(file)
  try {
    if (!isSame(fstatSync(descriptor, { bigint: true }), file)) return false
    for (let done = 0; done < into.length; ) {
      const count = readSync(descriptor, into, done, into.length - done, done)
      if (count === 0) return false
      done += count
    }
    return true
  } finally {
    closeSync(descriptor)
  }
}

function isSame(
  now: { size: bigint; mtimeNs: bigint; ino: bigint; isFile(): boolean },
  { stat }: SmallFile,
): boolean {
  const { size, mtimeNs, ino } = stat
  return now.isFile() && now.size === BigInt(size) && now.mtimeNs === mtimeNs && now.ino === ino
}
