/**
 * Operational errors. Code and details cross the wire and the HTTP API; sentences are made from the
 * table on the side that shows them; stacks never leave the process.
 */
import { type ErrorCode, errorTable } from './error-table.ts'
import { limits } from './limits.ts'
import { oneLine } from './one-line.ts'

export type ErrorDetails = Readonly<Record<string, string | number | boolean>>

/** The form that crosses the wire. */
export interface WireError {
  code: string
  retryable: boolean
  details: Record<string, string | number | boolean>
}

/** An operational error: something outside the program's own logic went wrong. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(sentenceFor(code, details), options)
    this.code = code
    this.details = details
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable
  }
}

/** The sentence of an error, for users; a missing detail is shown as `?`. */
export function sentenceFor(code: ErrorCode, details: ErrorDetails): string {
  return errorTable[code].sentence.replaceAll(/\{(\w+)\}/g, (_, key: string) =>
    String(details[key] ?? '?'),
  )
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code)
}

/** Whether `error` is an operational error with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is AppError {
  return error instanceof AppError && error.code === code
}

/** The operational error in `error`; any other error becomes INTERNAL with `error` as its cause. */
export function toAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError('INTERNAL', {}, { cause: error })
}

export function errorToWire(error: unknown): WireError {
  const { code, retryable, details } = toAppError(error)
  return { code, retryable, details: { ...details } }
}

/**
 * Parses an error from the wire. A code of a later version becomes INTERNAL and keeps its name in
 * the details. The details are cut to the size that our own errors have, as they are stored, shown
 * and logged.
 */
export function errorFromWire(wire: WireError): AppError {
  const details = Object.fromEntries(
    Object.entries(wire.details)
      .slice(0, limits.errorDetailsMax)
      .map(([key, value]) => [
        key,
        typeof value === 'string' ? value.slice(0, limits.errorDetailCharactersMax) : value,
      ]),
  )
  if (isErrorCode(wire.code)) return new AppError(wire.code, details)
  return new AppError('INTERNAL', { ...details, unknownCode: wire.code })
}

/** The `code` of a Node.js system error such as ENOENT, if `error` is one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * Why a task failed, for the index and for users: one line of at most
 * `limits.taskReasonCharactersMax` characters that keeps the operating system's error code, if any,
 * however long the paths are.
 */
export function taskReasonOf(error: unknown): string {
  const reason = reasonOf(
    error instanceof AppError && error.code === 'INTERNAL' ? (error.cause ?? error) : error,
  )
  const charactersMax = limits.taskReasonCharactersMax
  const line = oneLine(reason, charactersMax)
  const code = causeCodeOf(error)
  if (code === undefined || line.includes(code)) return line
  return oneLine(`${code}: ${oneLine(reason, charactersMax - code.length - 2)}`, charactersMax)
}

/** The system error code of `error`, or of the nearest cause that has one. */
function causeCodeOf(error: unknown): string | undefined {
  for (let depth = 0, at = error; depth < causesMax && at instanceof Error; depth++, at = at.cause)
    if (!(at instanceof AppError) && systemErrorCode(at) !== undefined) return systemErrorCode(at)
  return undefined
}

/** Bounds the chain of causes, which may be circular. */
const causesMax = 8

/** One line that describes the error and its first cause, for logs and `{reason}` details. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError) return error.message.replace(/\.$/, '')
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}
