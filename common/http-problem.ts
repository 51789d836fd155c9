/**
 * The body of every error response: problem details (RFC 9457). An error's details are members of the
 * object, beside those of the RFC, `code` and `retryable`.
 */
import { type ErrorCode, errorTable } from './error-table.ts'
import { AppError, type ErrorDetails, isErrorCode } from './errors.ts'

export const problemType = 'application/problem+json'

/** Where a server describes its errors; the code follows. The `type` of a problem is such a path. */
export const errorsPath = '/api/errors/'

export interface ProblemDetails {
  readonly type: string
  /** The same for every problem of this code. */
  readonly title: string
  readonly status: number
  /** The sentence for users. */
  readonly detail: string
  /** Path of the request; absent if it could not be read. */
  readonly instance?: string
  readonly code: ErrorCode
  readonly retryable: boolean
}

/** No detail of an error may have one of these names. */
export const problemMembers: ReadonlySet<string> = new Set([
  'type',
  'title',
  'status',
  'detail',
  'instance',
  'code',
  'retryable',
] satisfies (keyof ProblemDetails)[])

/** Enough for every route of the API and a long file name. */
const instanceCharactersMax = 1_000

export interface ProblemContext {
  /** The URL of the request. */
  readonly url?: string | undefined
  /** Default: that of the error table. */
  readonly status?: number
}

export function problemOf(
  { code, details, message, retryable }: AppError,
  { url, status = errorTable[code].status }: ProblemContext = {},
): ProblemDetails & ErrorDetails {
  const instance = url?.split('?', 1)[0]?.slice(0, instanceCharactersMax)
  return {
    ...details,
    type: errorsPath + code,
    title: titleOf(code),
    status,
    detail: message,
    ...(instance !== undefined && { instance }),
    code,
    retryable,
  }
}

/** The details of the error in a received problem. */
export function detailsOf(problem: Readonly<Record<string, unknown>>): Record<string, Detail> {
  return Object.fromEntries(
    Object.entries(problem).filter(
      (member): member is [string, Detail] =>
        !problemMembers.has(member[0]) && detailTypes.has(typeof member[1]),
    ),
  )
}

type Detail = string | number | boolean
const detailTypes = new Set(['string', 'number', 'boolean'])

/** `NAME_NOT_FOUND` as `Name not found`. */
function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words.slice(0, 1).toUpperCase() + words.slice(1)
}

export interface ErrorDescription {
  readonly code: ErrorCode
  readonly title: string
  readonly status: number
  readonly retryable: boolean
  readonly when: string
}

export function describeError(code: ErrorCode): ErrorDescription {
  const { status, retryable, when } = errorTable[code]
  return { code, title: titleOf(code), status, retryable, when }
}

/** The description that a path of {@link errorsPath} names; undefined for other paths. */
export function errorDescribedAt(path: string): ErrorDescription | undefined {
  const code = path.startsWith(errorsPath) ? path.slice(errorsPath.length) : ''
  return isErrorCode(code) ? describeError(code) : undefined
}
