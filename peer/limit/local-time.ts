/** Local time of day and week. */

/** In the order of `Date.getDay()`. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
export type Weekday = (typeof weekdays)[number]

export const minutesPerDay = 1_440

export interface LocalTime {
  /** 0 for Sunday. */
  readonly weekday: number
  /** From 0 to 1,439. */
  readonly minute: number
}

/** The local time of this machine at `ms` since 1970. */
export function localTimeAt(ms: number): LocalTime {
  const date = new Date(ms)
  return { weekday: date.getDay(), minute: 60 * date.getHours() + date.getMinutes() }
}

const written = /^([01]\d|2[0-4]):([0-5]\d)$/

/** Parses a time from 00:00 to 24:00 to a minute of the day; undefined if invalid. */
export function minuteOf(text: unknown): number | undefined {
  if (typeof text !== 'string') return undefined
  const [, hours, minutes] = written.exec(text) ?? []
  const minute = 60 * Number(hours) + Number(minutes)
  return minute <= minutesPerDay ? minute : undefined
}
