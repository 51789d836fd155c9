/** Numbers and times for people. Units are decimal, as on the command line: 1 KB is 1,000 bytes. */

const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const

/** Three significant digits: `512 B`, `20.5 KB`, `1.02 GB`. */
export function bytesText(bytes: number): string {
  let exponent = 0
  let rest = bytes
  // 999.5 would round to 1000, which belongs to the next unit.
  while (rest >= 999.5 && exponent < units.length - 1) {
    rest /= 1000
    exponent += 1
  }
  const digits = exponent === 0 ? 0 : Math.max(0, rest >= 99.95 ? 0 : rest >= 9.995 ? 1 : 2)
  return `${rest.toFixed(digits)} ${units[exponent] ?? ''}`
}

export function rateText(bytesPerSecond: number): string {
  return `${bytesText(bytesPerSecond)}/s`
}

const durations = [
  { unit: 'd', seconds: 86_400 },
  { unit: 'h', seconds: 3600 },
  { unit: 'min', seconds: 60 },
  { unit: 's', seconds: 1 },
] as const

/** Two units at most, rounded up: `12 s`, `3 min 5 s`, `2 h`, `4 d 2 h`. */
export function durationText(ms: number): string {
  const whole = Math.max(0, Math.ceil(ms / 1000))
  const first = durations.findIndex(({ seconds }) => whole >= seconds)
  const large = durations[first === -1 ? durations.length - 1 : first]
  if (large === undefined) return `${whole} s`
  const small = durations[durations.indexOf(large) + 1]
  const count = Math.floor(whole / large.seconds)
  const rest = small === undefined ? 0 : Math.floor((whole % large.seconds) / small.seconds)
  return `${count} ${large.unit}${rest > 0 ? ` ${rest} ${small?.unit ?? ''}` : ''}`
}

/** `now`, `5 s ago`, `3 min ago`, `2 h ago`, `4 d ago`. */
export function agoText(ms: number): string {
  const whole = Math.floor(ms / 1000)
  const found = durations.find(({ seconds }) => whole >= seconds)
  return found === undefined ? 'now' : `${Math.floor(whole / found.seconds)} ${found.unit} ago`
}

/** `1 file`, `2,340 files`. */
export function countText(count: number, singular: string, plural = `${singular}s`): string {
  return `${numberText(count)} ${count === 1 ? singular : plural}`
}

export function numberText(value: number): string {
  return String(Math.round(value)).replaceAll(/\B(?=(\d{3})+$)/g, ',')
}

/** A share of the whole as `42 %`; never `100 %` before it is all. */
export function percentText(part: number, whole: number): string {
  if (whole <= 0) return '0 %'
  const percent = (100 * part) / whole
  return `${part < whole ? Math.min(99, Math.floor(percent)) : 100} %`
}

const pad = (value: number): string => String(value).padStart(2, '0')

/** Local time of day: `14:03:22`. */
export function timeText(ms: number): string {
  const date = new Date(ms)
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(pad).join(':')
}

/** `14:03` for today, otherwise `2026-11-28 14:03`: sorts as it reads, in local time. */
export function dateText(ms: number, nowMs: number): string {
  const [date, now] = [new Date(ms), new Date(nowMs)]
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}`
  const day = [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join('-')
  return date.toDateString() === now.toDateString() ? `Today ${time}` : `${day} ${time}`
}

/** The first characters of a hash; the rest is shown on demand. */
export function shortHash(sha256: string): string {
  return sha256.slice(0, 10)
}
