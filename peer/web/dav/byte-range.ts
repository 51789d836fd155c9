import type { ByteRange } from '../../../common/content/chunks.ts'

/**
 * The one range that a Range header asks for; undefined to send everything, as for several ranges or
 * another unit, and `unsatisfiable` if it has none of the bytes.
 */
export function rangeOf(
  header: string | undefined,
  size: number,
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? '')
  const [, first = '', last = ''] = match ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const bytes = Math.min(Number(last), size)
    return bytes === 0 ? 'unsatisfiable' : { start: size - bytes, bytes }
  }
  const start = Number(first)
  const end = last === '' ? size : Math.min(Number(last) + 1, size)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, bytes: end - start }
}
