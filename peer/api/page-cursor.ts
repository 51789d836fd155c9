import { AppError } from '../../common/errors.ts'

/** A cursor that names where a page ends: opaque to clients. */
export function cursorOf(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/**
 * The position that a cursor names.
 * @throws AppError BAD_REQUEST if it is not the `next` of a page
 */
export function parseCursor<Position>(
  text: string,
  isPosition: (value: unknown) => value is Position,
): Position {
  try {
    const position: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (isPosition(position)) return position
  } catch {
    // Not JSON, so not a cursor.
  }
  throw notACursor()
}

/** @returns the error of an `after` that is not the `next` of a page */
export function notACursor(): AppError {
  return new AppError('BAD_REQUEST', { path: '/after', reason: 'it is not the `next` of a page' })
}
