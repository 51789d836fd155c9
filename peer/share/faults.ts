/** Faults that prevent sharing a file or folder, as found on disk. */
import { isUtf8 } from 'node:buffer'
import type { Stats } from 'node:fs'
import { lstat, realpath, stat } from 'node:fs/promises'
import { hasCode, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { nameFault, windowsNameProblem } from '../../common/ids.ts'
import { isInside } from '../../common/inside.ts'
import type { Fault } from '../problem-table.ts'
import { isGone } from './is-gone.ts'

/** The fault of a file's or folder's name on disk; undefined if it is valid. */
export function faultOfName(diskName: string): Fault | undefined {
  const name = diskName.normalize('NFC')
  switch (nameFault(name)) {
    case undefined:
      return process.platform === 'win32' && windowsNameProblem(name) !== undefined
        ? { code: 'NAME_NOT_FOR_WINDOWS' }
        : undefined
    case 'backslash':
      return { code: 'NAME_BACKSLASH' }
    case 'control character':
      return { code: 'NAME_CONTROL_CHARACTER' }
    case 'too long':
    case 'long segment':
      return { code: 'NAME_TOO_LONG' }
    case 'own':
      return { code: 'NAME_RESERVED' }
    // No file system can store the others.
    case 'not UTF-8':
    case 'not NFC':
    case 'empty':
    case 'absolute':
    case 'empty segment':
    case 'segment .':
    case 'segment ..':
      return { code: 'NAME_NOT_UTF8' }
  }
}

/** The fault for an error of an operation on a file or folder. */
export function faultOf(error: unknown, what: 'file' | 'folder' = 'file'): Fault {
  if (hasCode(error, 'TOO_LARGE')) return { code: 'FILE_TOO_LARGE' }
  const system = systemErrorCode(hasCode(error, 'DISK_FAILED') ? error.cause : error)
  const reason = system ?? reasonOf(error)
  const isRefused = system === 'EACCES' || system === 'EPERM'
  if (isRefused && what === 'folder') return { code: 'FOLDER_NOT_READABLE', details: { reason } }
  return { code: isRefused ? 'FILE_NOT_READABLE' : 'READ_FAILED', details: { reason } }
}

/**
 * Why a path below a root has no file to share: a link to nothing or out of the root, a pipe, or
 * similar. Undefined for a file, a folder, or nothing.
 * @throws system errors other than that nothing exists there
 */
export async function faultAt({
  root,
  path,
}: {
  readonly root: string
  readonly path: string
}): Promise<Fault | undefined> {
  const found = await lstat(path).catch(unlessGone)
  if (found === undefined) return undefined
  if (!found.isSymbolicLink()) return faultOfKind(found)
  const target = await realpath(path).catch(unlessGone)
  if (target === undefined) return { code: 'LINK_BROKEN' }
  if (!isInside(await realpath(root), target)) return { code: 'LINK_LEADS_OUT' }
  const linked = await stat(target).catch(unlessGone)
  return linked === undefined ? { code: 'LINK_BROKEN' } : faultOfKind(linked)
}

type Kind = Pick<
  Stats,
  'isFIFO' | 'isSocket' | 'isBlockDevice' | 'isCharacterDevice' | 'isFile' | 'isDirectory'
>

/** The fault of something that is no link; undefined for a file or folder. */
export function faultOfKind(found: Kind): Fault | undefined {
  const special = (what: string): Fault => ({ code: 'SPECIAL_FILE', details: { what } })
  if (found.isFIFO()) return special('named pipe')
  if (found.isSocket()) return special('socket')
  if (found.isBlockDevice() || found.isCharacterDevice()) return special('device')
  return undefined
}

function unlessGone(error: unknown): undefined {
  if (!isGone(error)) throw error
}

/** A disk name as text: each byte that is not UTF-8 as `\xNN`. */
export function textOfName(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => isUtf8(bytes.subarray(at, at + count)))
    text +=
      length === undefined
        ? `\\x${bytes.toString('hex', at, at + 1)}`
        : bytes.toString('utf8', at, at + length)
    at += length ?? 1
  }
  return text
}
