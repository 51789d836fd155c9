/** Writes small files under their names, and looks at files; the other end is group-placer.ts. */

import { closeSync, fstatSync, lstatSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { type FileStat, fileStatOf } from '../../common/content/file-stat.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { entryPathIn, type InsidePath, openFolderInsideSync } from '../../common/inside.ts'
import { moveNewSync } from '../../common/move-new.ts'
import { answerCalls } from '../../common/thread/answer-calls.js'

export type WriteFilesRequest =
  | {
      readonly kind: 'write'
      /** Where each is to be, how many of `bytes` it has, and where it is written first. */
      readonly files: readonly (InsidePath & { size: number; partialPath: string })[]
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
  using folder = new LastFolder()
  const reply = request.files.map(({ path, root, size, partialPath }) => {
    const bytes = new Uint8Array(request.bytes, start, size)
    start += size
    try {
      return write(() => folder.entry({ root, path }), partialPath, bytes)
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
function write(place: () => string, partialPath: string, bytes: Uint8Array): WriteFilesOutcome {
  const stat = writeNew(partialPath, bytes)
  try {
    return moveNewSync(partialPath, place()) ? { stat } : { isTaken: true }
  } catch (error) {
    // A file system ends within the folder, or the folder is gone: the one who asked goes on.
    const code = systemErrorCode(error)
    if (code === 'EXDEV' || code === 'ENOENT') return { isTaken: true }
    throw error
  }
}

/** The folder of the last file, open: neighbours in a request mostly have the same one. */
class LastFolder implements Disposable {
  #opened: { readonly path: string; readonly descriptor: number } | undefined

  /** The path of a file in its folder, which was checked. @throws what the disk does */
  entry({ root, path }: InsidePath): string {
    const folder = dirname(path)
    if (this.#opened?.path !== folder) {
      this[Symbol.dispose]()
      this.#opened = { path: folder, descriptor: openFolderInsideSync({ root, path: folder }) }
    }
    return entryPathIn(this.#opened, basename(path))
  }

  [Symbol.dispose](): void {
    if (this.#opened !== undefined) closeSync(this.#opened.descriptor)
    this.#opened = undefined
  }
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
