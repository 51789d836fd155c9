/** Writes small files under their names, and looks at files; the other end is group-placer.ts. */
import { closeSync, fstatSync, lstatSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { answerCalls } from '../../common/answer-calls.ts'
import type { FileStat } from '../../common/content/hash.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { moveNewSync } from '../../common/move-new.ts'
import { fileStatOf } from './file-stat.ts'

export type WriteFilesRequest =
  | {
      readonly kind: 'write'
      /** Where each is to be, how many of `bytes` it has, and where it is written first. */
      readonly files: readonly { path: string; size: number; partialPath: string }[]
      readonly bytes: ArrayBuffer
    }
  | { readonly kind: 'look'; readonly paths: readonly string[] }

/** Of one file: what is there now, that its place is taken (it waits in its partial path), or what failed. */
export type WriteFilesOutcome =
  | { readonly stat: FileStat }
  | { readonly isTaken: true }
  | { readonly failure: { readonly code: string | undefined; readonly reason: string } }
  | undefined

answerCalls<WriteFilesRequest, readonly WriteFilesOutcome[]>((request) => {
  if (request.kind === 'look') return { reply: request.paths.map(lookAt) }
  let start = 0
  const reply = request.files.map(({ path, size, partialPath }) => {
    const bytes = new Uint8Array(request.bytes, start, size)
    start += size
    try {
      return write(path, partialPath, bytes)
    } catch (error) {
      removeIfThere(partialPath)
      return { failure: { code: systemErrorCode(error), reason: reasonOf(error) } }
    }
  })
  return { reply }
})

/** A regular file as it is now; undefined when there is none. */
function lookAt(path: string): WriteFilesOutcome {
  try {
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    return found?.isFile() === true ? { stat: fileStatOf(found) } : undefined
  } catch {
    return undefined
  }
}

/** Beside first: under its name a file appears complete or not at all. */
function write(path: string, partialPath: string, bytes: Uint8Array): WriteFilesOutcome {
  const stat = writeNew(partialPath, bytes)
  return moveNewSync(partialPath, path) ? { stat } : { isTaken: true }
}

function writeNew(path: string, bytes: Uint8Array): FileStat {
  const descriptor = openSync(path, 'wx')
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done)
    return fileStatOf(fstatSync(descriptor, { bigint: true }))
  } finally {
    closeSync(descriptor)
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // It was not even created; what is left is removed by the next start.
  }
}
