/** Looks at and reads small files; the other end is small-files.ts. */
import { closeSync, fstatSync, readSync } from 'node:fs'
import { type FileStat, fileStatOf, isSameStat } from '../../common/content/file-stat.ts'
import type { ErrorCode } from '../../common/error-table.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { type InsidePath, openInsideSync } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import { oneLine } from '../../common/one-line.ts'
import { answerCalls } from '../../common/thread/answer-calls.js'

/** A file as the catalog saw it last. */
export interface SmallFile extends InsidePath {
  readonly stat: FileStat
}

export interface SmallFilesRequest {
  readonly files: readonly SmallFile[]
  /** Whether to read them, or only to see whether they are as they were and can be opened. */
  readonly reads: boolean
}

/** Why a file cannot be read. */
export interface SmallFileFailure {
  readonly code: ErrorCode
  /** What the operating system says, if it refuses. */
  readonly reason?: string
}

export interface SmallFilesReply {
  /** For each file why it cannot be read; undefined when it can. */
  readonly failures: readonly (SmallFileFailure | undefined)[]
  /** The files one after another, each with the size it had; of those that failed anything. */
  readonly bytes: ArrayBuffer
}

answerCalls<SmallFilesRequest, SmallFilesReply>(({ files, reads }) => {
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
function failureOf(work: () => boolean): SmallFileFailure | undefined {
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

/** Fills `into`, if it is given, from the file if that still is the one that was catalogued. */
function readFile(file: SmallFile, into: Uint8Array = new Uint8Array()): boolean {
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
