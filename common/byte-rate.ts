/** Rates in bytes per second, as written in settings and commands. */
import { byteSizeOf } from './byte-size.ts'
import { limits } from './limits.ts'

export type ByteRate = number | 'unlimited'

/** How a rate may be written, as the end of a sentence. */
export const byteRateRule = `must be "unlimited" or bytes per second, at least ${limits.rateBytesPerSecondMin / 1000} KB, such as 5000000 or "5MB"`

/** Parses a rate: a number, `5MB`, `5 MB/s`, `512KiB` or `unlimited`; undefined if invalid. */
export function byteRateOf(value: unknown): ByteRate | undefined {
  if (typeof value === 'string' && value.toLowerCase() === 'unlimited') return 'unlimited'
  const rate = byteSizeOf(typeof value === 'string' ? value.replace(/\/s$/i, '') : value)
  return rate !== undefined && rate >= limits.rateBytesPerSecondMin ? rate : undefined
}

/** A rate as a number: infinite if unlimited, or invalid. */
export function bytesPerSecondOf(value: unknown): number {
  const rate = byteRateOf(value)
  return typeof rate === 'number' ? rate : Number.POSITIVE_INFINITY
}
