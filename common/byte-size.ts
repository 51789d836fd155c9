/** Sizes in bytes, as written in settings. */
/** How a size may be written, as the end of a sentence. */
export const byteSizeRule = 'must be a number of bytes, such as 500000000 or "500MB"'

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

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}
