/** Sizes in bytes, as written in settings. */
const units: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  TB: 1000 ** 4,
  KIB: 1024,
  MIB: 1024 ** 2,
  GIB: 1024 ** 3,
  TIB: 1024 ** 4,
}
const written = /^(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?i?B)?$/i

/** Parses a size: a whole number, `5MB` or `512 KiB`; undefined if invalid. */
export function byteSizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return isSize(value) ? value : undefined
  if (typeof value !== 'string') return undefined
  const [, number, unit = ''] = written.exec(value) ?? []
  const size = Math.round(Number(number) * (units[unit.toUpperCase()] ?? Number.NaN))
  return isSize(size) ? size : undefined
}

export type ByteLimit = number | 'unlimited'

/** How a limit on a size may be written, as the end of a sentence. */
export const byteLimitRule =
  'must be "unlimited" or a number of bytes, such as 500000000000 or "500GB"'

/** Parses a limit on a size: a size, or `unlimited`; undefined if invalid. */
export function byteLimitOf(value: unknown): ByteLimit | undefined {
  const isUnlimited = typeof value === 'string' && value.toLowerCase() === 'unlimited'
  return isUnlimited ? 'unlimited' : byteSizeOf(value)
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
