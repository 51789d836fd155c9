/** Writes small files under their names, and stats files; the other end is small-writer.ts. */

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
      /** The place of each, its share of `bytes`, and where it is written first. */
      readonly files: readonly (InsidePath & { size: number; partialPath: string })[]
      readonly bytes: ArrayBuffer
    }
  | { readonly kind: 'look'; readonly paths: readonly string[] }

/**
 * For one file: its stat, that its place is taken (it stays at its partial path), or the failure.
 */
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

/** The stat of a regular file; undefined if there is none. */
function lookAt(path: string): WriteFilesOutcome {
  try {
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false })
    return found?.isFile() === true ? { stat: fileStatOf(found) } : undefined
  } catch {
    return undefined
  }
}

/** To the partial path first: under its name a file appears complete or not at all. */
function write(place: () => string, partialPath: string, bytes: Uint8Array): WriteFilesOutcome {
  const stat = writeNew(partialPath, bytes)
  try {
    return moveNewSync(partialPath, place()) ? { stat } : { isTaken: true }
  } catch (error) {
    // The place is on another file system, or its folder is gone: the caller handles it.
    const code = systemErrorCode(error)
    if (code === 'EXDEV' || code === 'ENOENT') return { isTaken: true }
    throw error
  }
}

/** The open folder of the last file: files of a request mostly share a folder. */
class LastFolder implements Disposable {
  #opened: { readonly path: string; readonly descriptor: number } | undefined

  /** The path of a file in its verified folder. @throws errors of the disk */
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
    // It was not created, or the next start removes it.
  }
}
