/**
 * Finds the files of folders, and hashes small ones; the other end is walker.ts. All calls are
 * synchronous, which for many short ones takes a fraction of the time, and blocks only this thread.
 */
import { hash } from 'node:crypto'
import {
  type BigIntStats,
  closeSync,
  type Dirent,
  fstatSync,
  lstatSync,
  opendirSync,
  readSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import {
  type FileStat,
  fileStatOf,
  foundStatOf,
  isSameStat,
} from '../../common/content/file-stat.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { isOwnName, ownFolderName } from '../../common/ids.ts'
import { openInsideSync } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import { answerCalls } from '../../common/thread/answer-calls.js'
import type { Fault } from '../problem-table.ts'
import { faultOf, faultOfKind, faultOfName, textOfName } from './faults.ts'
import { IgnoreRules } from './ignore-rules.ts'
import { isGone } from './is-gone.ts'

/** Files of a folder per page of a scan: about 5 ms. */
export const filesPerWalkPage = 512

/** A folder at which another file system is mounted. */
export interface Mount {
  readonly diskName: string
  readonly dev: bigint
  readonly ino: bigint
}

/** Findings of a walk since the last page. Names are below the root. */
export interface WalkPage {
  readonly files: { readonly diskName: string; readonly stat: FileStat }[]
  readonly links: string[]
  readonly mounts: Mount[]
  /** Files of Tandem among those of users. */
  readonly ownFiles: string[]
  readonly faults: { readonly diskName: string; readonly fault: Fault }[]
  /** Folders that could not be read completely. */
  readonly unread: string[]
  /** Number of ignored files and folders. */
  ignored: number
  isDone: boolean
}

export type WalkRequest =
  | {
      readonly kind: 'begin'
      readonly id: number
      readonly root: string
      /** Below the root; '' is the root. */
      readonly folder: string
      /** Folders that are not entered; absolute. */
      readonly skipped: readonly string[]
      /** The user's patterns of ignored files, if some are ignored; see `IgnoreRules`. */
      readonly ignored?: string
    }
  | { readonly kind: 'next'; readonly id: number }
  | { readonly kind: 'end'; readonly id: number }
  | { readonly kind: 'hash'; readonly root: string; readonly paths: readonly string[] }

/** For one file: its hash and stat, or the code and text of the system's error. */
export type HashOutcome =
  | { readonly sha256: string; readonly stat: FileStat }
  | { readonly code: string | undefined; readonly reason: string }

export type WalkReply = WalkPage | readonly HashOutcome[] | undefined

/** The replacement for bytes that are not UTF-8. */
const undecoded = '\u{fffd}'
const walks = new Map<number, Walk>()
const buffer = Buffer.allocUnsafeSlow(limits.smallHashBytesMax + 1)

answerCalls<WalkRequest, WalkReply>((request) => {
  switch (request.kind) {
    case 'begin':
      walks.set(request.id, new Walk(request))
      return { reply: undefined }
    case 'next':
      return { reply: walks.get(request.id)?.next() }
    case 'end':
      walks.get(request.id)?.end()
      walks.delete(request.id)
      return { reply: undefined }
    case 'hash':
      return { reply: request.paths.map((path) => hashSmall(request.root, path)) }
  }
})

class Walk {
  readonly #root: string
  readonly #skipped: ReadonlySet<string>
  readonly #rules: IgnoreRules | undefined
  readonly #steps: Generator<undefined>
  #page: WalkPage = emptyPage()

  constructor({ root, folder, skipped, ignored }: Extract<WalkRequest, { kind: 'begin' }>) {
    this.#root = root
    this.#rules = ignored === undefined ? undefined : new IgnoreRules(ignored)
    this.#skipped = new Set(skipped)
    this.#steps = this.#enter(folder, undefined)
  }

  next(): WalkPage {
    this.#page = emptyPage()
    while (sizeOf(this.#page) < filesPerWalkPage)
      if (this.#steps.next().done === true) {
        this.#page.isDone = true
        break
      }
    return this.#page
  }

  end(): void {
    this.#steps.return(undefined)
  }

  /** Yields after each entry, so that a page does not exceed its size. */
  *#enter(folder: string, above: bigint | undefined): Generator<undefined> {
    const path = join(this.#root, folder)
    if (this.#skipped.has(path)) return
    let hasUndecoded = false
    try {
      // A root, or the target of a followed link, is known to be a folder.
      const found = (above === undefined ? statSync : lstatSync)(path, { bigint: true })
      if (!found.isDirectory()) return
      if (above !== undefined && found.dev !== above) this.#addMount(folder, found)
      using entries = opendirSync(path, { bufferSize: 256 })
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        if (entry.name.includes(undecoded)) hasUndecoded = true
        else
          yield* this.#visit(entry, folder === '' ? entry.name : `${folder}/${entry.name}`, found)
        yield
      }
      if (hasUndecoded) this.#tellUndecoded(folder)
    } catch (error) {
      if (isGone(error)) return
      this.#page.faults.push({ diskName: folder, fault: faultOf(error, 'folder') })
      this.#page.unread.push(folder)
    }
  }

  *#visit(entry: Dirent, diskName: string, { dev }: BigIntStats): Generator<undefined> {
    // Files in there are not placed yet.
    if (isOwnName(entry.name) && (entry.name !== ownFolderName || diskName === ownFolderName)) {
      if (entry.isFile()) this.#page.ownFiles.push(diskName)
      return
    }
    if (this.#rules?.isIgnored(diskName, entry.isDirectory()) === true) {
      this.#page.ignored++
      return
    }
    const fault = faultOfName(diskName) ?? faultOfKind(entry)
    if (fault !== undefined) this.#page.faults.push({ diskName, fault })
    else if (entry.isDirectory()) yield* this.#enter(diskName, dev)
    else if (entry.isSymbolicLink()) this.#page.links.push(diskName)
    else this.#addFile(diskName)
  }

  #addFile(diskName: string): void {
    try {
      const found = lstatSync(join(this.#root, diskName), { bigint: true })
      if (found.isFile()) this.#page.files.push({ diskName, stat: foundStatOf(found) })
    } catch (error) {
      if (isGone(error)) return
      this.#page.faults.push({ diskName, fault: faultOf(error) })
      // Its content is unknown: the entry stays.
      this.#page.unread.push(diskName)
    }
  }

  #addMount(diskName: string, { dev, ino }: BigIntStats): void {
    this.#page.mounts.push({ diskName, dev, ino })
  }

  /** Names that are not UTF-8 are indistinguishable as text, so they are read again as bytes. */
  #tellUndecoded(folder: string): void {
    // The types do not allow reading names as bytes here.
    const encoding = 'buffer' as BufferEncoding
    using entries = opendirSync(join(this.#root, folder), { encoding })
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      const name: unknown = entry.name
      if (!Buffer.isBuffer(name) || !name.toString().includes(undecoded)) continue
      const diskName = join(folder, textOfName(name))
      this.#page.faults.push({ diskName, fault: { code: 'NAME_NOT_UTF8' } })
    }
  }
}

function emptyPage(): WalkPage {
  return {
    files: [],
    links: [],
    mounts: [],
    ownFiles: [],
    faults: [],
    unread: [],
    ignored: 0,
    isDone: false,
  }
}

function sizeOf({ files, links, mounts, ownFiles, faults, ignored }: WalkPage): number {
  return ignored + files.length + links.length + mounts.length + ownFiles.length + faults.length
}

function hashSmall(root: string, path: string): HashOutcome {
  let descriptor: number | undefined
  try {
    descriptor = openInsideSync({ root, path })
    const found = fstatSync(descriptor, { bigint: true })
    if (!found.isFile()) return { code: 'ENOENT', reason: 'it is not a regular file' }
    let size = 0
    for (let count = -1; count !== 0 && size < buffer.length; size += count)
      count = readSync(descriptor, buffer, size, buffer.length - size, size)
    const stat = fileStatOf(fstatSync(descriptor, { bigint: true }))
    if (!isSameStat(fileStatOf(found), stat) || size !== stat.size)
      return { code: 'ENOENT', reason: 'it changed while it was read' }
    return { sha256: hash('sha256', buffer.subarray(0, size)), stat }
  } catch (error) {
    return { code: systemErrorCode(error), reason: reasonOf(error) }
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
