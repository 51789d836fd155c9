/** Human-readable numbers. Units are decimal: 1 KB is 1,000 bytes. */

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

/** `value` bytes in the largest unit of which it has at least 1: `20.48 KB`, `512 B`. */
export function bytesText(value: number): string {
  let exponent = 0
  let rest = value
  // 999.995 would round to 1000.00, which belongs to the next unit.
  while (rest >= 999.995 && exponent < units.length - 1) {
    rest /= 1000
    exponent += 1
  }
  const digits = exponent === 0 ? String(Math.round(rest)) : rest.toFixed(2)
  return `${digits} ${units[exponent] ?? ''}`
}

export function speedText(bytesPerSecond: number): string {
  return `${bytesText(bytesPerSecond)}/s`
}

/** `12 s`, `3 min 05 s`, `2 h 07 min`, `4 d 02 h`: two units at most, rounded up. */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return pair(whole, 60, 'min', 's')
  if (whole < 86_400) return pair(Math.floor(whole / 60), 60, 'h', 'min')
  return pair(Math.floor(whole / 3600), 24, 'd', 'h')
}

function pair(value: number, base: number, large: string, small: string): string {
  return `${Math.floor(value / base)} ${large} ${String(value % base).padStart(2, '0')} ${small}`
}

/** `1 file`, `2 files`. */
export function countText(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`
}

/** `2026-01-31 09:05:07`, in local time. */
export function localText(ms: number): string {
  const date = new Date(ms)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-')
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`
}
