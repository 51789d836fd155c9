/** Rates in bytes per second, as written in settings and commands. */
import { limits } from './limits.ts'

export type ByteRate = number | 'unlimited'

/** How a rate may be written, as the end of a sentence. */
export const byteRateRule = `must be "unlimited" or bytes per second, at least ${limits.rateBytesPerSecondMin / 1000} KB, such as 5000000 or "5MB"`

const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
}
const written = /^(\d{1,15}(?:\.\d{1,15})?)\s*([KMG]?i?B)?(?:\/s)?$/i

/** Parses a rate: a number, `5MB`, `5 MB/s`, `512KiB` or `unlimited`; undefined if invalid. */
export function byteRateOf(value: unknown): ByteRate | undefined {
  if (typeof value === 'number') return isRate(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  if (value.toLowerCase() === 'unlimited') return 'unlimited'
  const [, number, unit = ''] = written.exec(value) ?? []
  const rate = Math.round(Number(number) * (units[unit.toUpperCase()] ?? Number.NaN))
  return isRate(rate) ? rate : undefined
}

function isRate(value: number): boolean {
  return Number.isSafeInteger(value) && value >= limits.rateBytesPerSecondMin
}
