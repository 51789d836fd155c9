/**
 * The identifiers of the system. Input passes one of these checks before it reaches a file system,
 * a database or a terminal.
 */
import { posix } from 'node:path'
import { AppError } from './errors.ts'
import { limits } from './limits.ts'

/** The SHA-256 of a content or chunk list in lower-case hex, as `sha256sum` prints it. */
export const sha256Pattern = '^[0-9a-f]{64}$'
const sha256Expression = new RegExp(sha256Pattern)
export const peerIdPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,${limits.peerIdBytesMax - 1}}$`
const peerIdExpression = new RegExp(peerIdPattern)

/**
 * Names contain no control characters, which terminals interpret, and no backslash, the other
 * separator.
 */
// oxlint-disable-next-line no-control-regex -- they are the point
const controlCharacter = /[\u0000-\u001f\u007f]/
/**
 * Names that Windows cannot store: device names in any folder and with any extension, and these
 * characters.
 */
const windowsDevice = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i
const windowsForbidden = /[<>:"|?*]|[. ]$/
/** The folder for Tandem's own files, in the data folder and on other disks. */
export const ownFolderName = '.tandem'
const ownNameExpression = /^\.tandem(-[0-9a-f]+)?$/i

export function isSha256(text: string): boolean {
  return sha256Expression.test(text)
}

export function isPeerId(text: string): boolean {
  return peerIdExpression.test(text) && !text.endsWith('.') && !windowsDevice.test(text)
}

/**
 * A peer id as typed.
 * @throws AppError PEER_ID_INVALID
 */
export function parsePeerId(text: string): string {
  if (!isPeerId(text)) throw new AppError('PEER_ID_INVALID', { peerId: text })
  return text
}

/** Whether a file or folder name, without a path, is Tandem's own and never shared. */
export function isOwnName(segment: string): boolean {
  return ownNameExpression.test(segment)
}

/** What can be wrong with a name, as a sentence. */
const nameFaults = {
  empty: 'it is empty',
  'too long': `it is longer than ${limits.nameBytesMax} bytes`,
  'not UTF-8': 'it is not valid UTF-8',
  'not NFC': 'it is not in Unicode normal form C',
  absolute: 'it is an absolute path',
  'empty segment': 'it has an empty path segment',
  'segment .': "it has the path segment '.'",
  'segment ..': "it has the path segment '..'",
  'long segment': `a path segment is longer than ${limits.nameSegmentBytesMax} bytes`,
  backslash: 'it has a backslash',
  'control character': 'it has a control character',
  own: 'a part of it is a name that Tandem uses itself',
} as const
export type NameFault = keyof typeof nameFaults

/**
 * Most names: short, of printable ASCII, and without a segment that begins with a dot. One look
 * shows that they are valid.
 */
const plainName = /^[ -\-0-[\]-~][ -.0-[\]-~]*(?:\/[ -\-0-[\]-~][ -.0-[\]-~]*)*$/

function isPlainName(text: string): boolean {
  return text.length <= limits.nameSegmentBytesMax && plainName.test(text)
}

/** Why `name` is not a valid name, or undefined if it is one. */
export function nameProblem(name: string): string | undefined {
  const fault = nameFault(name)
  return fault && nameFaults[fault]
}

/** The same as a code. */
export function nameFault(name: string): NameFault | undefined {
  if (isPlainName(name)) return undefined
  if (name === '') return 'empty'
  if (Buffer.byteLength(name) > limits.nameBytesMax) return 'too long'
  if (!name.isWellFormed() || name.includes('\u{fffd}')) return 'not UTF-8'
  if (name !== name.normalize('NFC')) return 'not NFC'
  if (posix.isAbsolute(name)) return 'absolute'
  for (const segment of name.split('/')) {
    const fault = segmentFault(segment)
    if (fault !== undefined) return fault
  }
  return undefined
}

function segmentFault(segment: string): NameFault | undefined {
  if (segment === '') return 'empty segment'
  if (segment === '.' || segment === '..') return `segment ${segment}`
  if (Buffer.byteLength(segment) > limits.nameSegmentBytesMax) return 'long segment'
  if (segment.includes('\\')) return 'backslash'
  if (isOwnName(segment)) return 'own'
  return controlCharacter.test(segment) ? 'control character' : undefined
}

/** Why a valid `name` cannot be stored on Windows, or undefined if it can. */
export function windowsNameProblem(name: string): string | undefined {
  const bad = name.split('/').find((s) => windowsForbidden.test(s) || windowsDevice.test(s))
  return bad === undefined ? undefined : `Windows cannot store '${bad}'`
}

/**
 * Parses a name as typed, possibly in another normal form or with a leading `./`.
 * @throws AppError NAME_INVALID
 */
export function parseName(text: string): string {
  if (isPlainName(text)) return text
  const name = text.normalize('NFC').replace(/^(\.\/)+/, '')
  const reason = nameProblem(name)
  if (reason !== undefined) throw new AppError('NAME_INVALID', { name: text.slice(0, 200), reason })
  return name
}

/**
 * Parses a folder as typed; the empty text, `/` and `.` are the top.
 * @returns its name without slashes at its ends
 * @throws AppError NAME_INVALID
 */
export function parseFolder(text: string): string {
  const folder = text.replace(/^(\.?\/+)+/, '').replace(/\/+$/, '')
  return folder === '' || folder === '.' ? '' : parseName(folder)
}
