/** Checks and reads small files; the other end is small-reader.ts. */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { type FileAsHashed, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import type { ErrorCode } from '../../common/error-table.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { openInsideSync } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import { oneLine } from '../../common/one-line.ts'
import { answerCalls } from '../../common/thread/answer-calls.js'

export interface ReadFilesRequest {
  readonly files: readonly FileAsHashed[]
  /** Whether to read them, or only to check that each is as it was and can be opened. */
  readonly reads: boolean
}

/** Why a file cannot be read. */
export interface ReadFailure {
  readonly code: ErrorCode
  /** What the operating system says, if it refuses. */
  readonly reason?: string
}

export interface ReadFilesReply {
  /** For each file why it cannot be read; undefined when it can. */
  readonly failures: readonly (ReadFailure | undefined)[]
  /** The files one after another, each at the size it had when it was hashed; where one failed, undefined bytes. */
  readonly bytes: ArrayBuffer
}

answerCalls<ReadFilesRequest, ReadFilesReply>(({ files, reads }) => {
  const size = reads ? files.reduce((sum, { stat }) => sum + stat.size, 0) : 0
  const bytes = new ArrayBuffer(size)
  let start = 0
  const failures = files.map((file) => {
    if (!reads) return failureOf(() => readFile(file, undefined))
    const into = new Uint8Array(bytes, start, file.stat.size)
    start += file.stat.size
    return failureOf(() => readFile(file, into))
  })
  return { reply: { failures, bytes }, transfer: [bytes] }
})

/** Why `work` did not succeed: it returned false or threw. */
function failureOf(work: () => boolean): ReadFailure | undefined {
  try {
    return work() ? undefined : { code: 'CONTENT_CHANGED' }
  } catch (error) {
    const code = systemErrorCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return { code: 'FILE_NOT_FOUND' }
    return {
      code: 'DISK_FAILED',
      reason: code ?? oneLine(reasonOf(error), limits.taskReasonCharactersMax),
    }
  }
}

/** Fills `into`, if given, from a file that is as it was when it was hashed; false if it is not. */
function readFile(file: FileAsHashed, into: Uint8Array = new Uint8Array()): boolean {
  const descriptor = openInsideSync(file)
  try {
    const now = fstatSync(descriptor, { bigint: true })
    if (!now.isFile() || !isSameStat(fileStatOf(now), file.stat)) return false
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
