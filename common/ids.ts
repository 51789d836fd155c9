/**
 * The identifiers of the system. Everything that comes from outside passes one of these before it
 * meets a file system, a database or a person's terminal.
 */
import { posix } from 'node:path'
import { AppError } from './errors.ts'
import { limits } from './limits.ts'

/** The SHA-256 of a content or chunk list in lower-case hex, as `sha256sum` prints it. */
export const sha256Pattern = '^[0-9a-f]{64}$'
const sha256Expression = new RegExp(sha256Pattern)
export const peerIdPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,${limits.peerIdBytesMax - 1}}$`
const peerIdExpression = new RegExp(peerIdPattern)

/** What no name has: control characters, which terminals obey, and the other separator. */
// oxlint-disable-next-line no-control-regex -- they are the point
const forbiddenCharacter = /[\u0000-\u001f\u007f\\]/
/** What Windows cannot store: device names in any folder and with any extension, and these characters. */
const windowsDevice = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i
const windowsForbidden = /[<>:"|?*]|[. ]$/

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

/** Why `name` is not a valid name (design.md "Words"), or undefined when it is one. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'it is empty'
  if (Buffer.byteLength(name) > limits.nameBytesMax)
    return `it is longer than ${limits.nameBytesMax} bytes`
  if (!name.isWellFormed() || name.includes('\u{fffd}')) return 'it is not valid UTF-8'
  if (name !== name.normalize('NFC')) return 'it is not in Unicode normal form C'
  if (posix.isAbsolute(name)) return 'it is an absolute path'
  for (const segment of name.split('/')) {
    const problem = segmentProblem(segment)
    if (problem !== undefined) return problem
  }
  return undefined
}

function segmentProblem(segment: string): string | undefined {
  if (segment === '') return 'it has an empty path segment'
  if (segment === '.' || segment === '..') return `it has the path segment '${segment}'`
  if (Buffer.byteLength(segment) > limits.nameSegmentBytesMax)
    return `a path segment is longer than ${limits.nameSegmentBytesMax} bytes`
  if (forbiddenCharacter.test(segment)) return 'it has a control character or a backslash'
  return undefined
}

/** Why a valid `name` cannot be stored on Windows, or undefined when it can. */
export function windowsNameProblem(name: string): string | undefined {
  const bad = name.split('/').find((s) => windowsForbidden.test(s) || windowsDevice.test(s))
  return bad === undefined ? undefined : `Windows cannot store '${bad}'`
}

/**
 * A valid name from `text`, which people may have typed in another normal form or with a leading `./`.
 * @throws AppError NAME_INVALID
 */
export function parseName(text: string): string {
  const name = text.normalize('NFC').replace(/^(\.\/)+/, '')
  const reason = nameProblem(name)
  if (reason !== undefined) throw new AppError('NAME_INVALID', { name: text.slice(0, 200), reason })
  return name
}
