/** Durations as users write them. */

/** How a duration may be written, as the end of a sentence. */
export const durationRule = 'must be a number with a unit, such as 90s, 30m, 2h or 7d'

const unitMs: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}
const written = /^(\d{1,9}(?:\.\d{1,3})?)\s*([smhd])$/i

/** Parses `90s`, `30m`, `1.5h` or `7d` to milliseconds; undefined if invalid. */
export function durationMsOf(text: string): number | undefined {
  const [, number, unit = ''] = written.exec(text.trim()) ?? []
  const ms = Math.round(Number(number) * (unitMs[unit.toLowerCase()] ?? Number.NaN))
  return Number.isSafeInteger(ms) ? ms : undefined
}
