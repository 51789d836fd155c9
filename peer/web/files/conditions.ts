/** Conditional requests and ranges (RFC 9110, sections 13 and 14). Pure. */
import type { ByteRange } from '../../../common/content/chunks.ts'

export interface ConditionHeaders {
  readonly 'if-match'?: string | undefined
  readonly 'if-none-match'?: string | undefined
  readonly 'if-modified-since'?: string | undefined
  readonly 'if-range'?: string | undefined
  readonly range?: string | undefined
}

/** What identifies the version that a request is about. */
export interface Representation {
  /** Strong. */
  readonly etag: string
  readonly size: number
  readonly modifiedMs?: number | undefined
}

export type Condition = 'send' | 'not-modified' | 'failed'

export function conditionOf(headers: ConditionHeaders, about: Representation): Condition {
  const { etag, modifiedMs } = about
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers
  if (ifMatch !== undefined && !matches(ifMatch, etag)) return 'failed'
  if (ifNoneMatch !== undefined)
    return matches(ifNoneMatch.replaceAll('W/', ''), etag) ? 'not-modified' : 'send'
  const since = headers['if-modified-since']
  // Only the very time that was sent: a file may be replaced by an older one.
  const isSame = modifiedMs !== undefined && since === new Date(modifiedMs).toUTCString()
  return isSame ? 'not-modified' : 'send'
}

function matches(list: string, etag: string): boolean {
  return list
    .split(',')
    .map((each) => each.trim())
    .some((each) => each === '*' || each === etag)
}

/**
 * The part that is asked for; undefined for all of it, also if several are, which a server may ignore.
 */
export function rangeOf(
  headers: ConditionHeaders,
  { etag, size }: Representation,
): ByteRange | 'unsatisfiable' | undefined {
  const { range, 'if-range': ifRange } = headers
  // A date is a weak validator: it never proves that the rest is of the same bytes.
  if (range === undefined || (ifRange !== undefined && ifRange.trim() !== etag)) return undefined
  const match = /^bytes\s*=\s*(\d{0,16})\s*-\s*(\d{0,16})\s*$/i.exec(range.trim())
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return undefined
  if (first === '') return suffix(Number(last), size)
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  // One that ends before it begins is no range at all.
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, bytes: end - start + 1 }
}

function suffix(bytes: number, size: number): ByteRange | 'unsatisfiable' {
  if (bytes === 0 || size === 0) return 'unsatisfiable'
  const start = Math.max(0, size - bytes)
  return { start, bytes: size - start }
}
