/** Which limits are in force at which time: pure policy. */
import type { Origin } from '../../common/settings.ts'
import type { Limits, LimitValues } from '../api/limit-shapes.ts'
import { type LimitKey, limitKeys } from '../api/limit-table.ts'
import { type LocalTime, minutesPerDay } from './local-time.ts'

/** Limits for a period of the day; if `toMinute` is not after `fromMinute`, it runs past midnight. */
export interface LimitRule {
  /** For display: `sat, sun 08:00-20:00`. */
  readonly text: string
  /** The days on which it starts; 0 for Sunday. */
  readonly weekdays: ReadonlySet<number>
  /** Minute of the day, inclusive. */
  readonly fromMinute: number
  /** Exclusive. */
  readonly toMinute: number
  readonly values: Partial<LimitValues>
}

/** The limits in the settings. */
export interface LimitSettings {
  readonly values: LimitValues
  readonly origins: Readonly<Record<LimitKey, Origin>>
  readonly schedule: readonly LimitRule[]
}

/** Limits set manually. */
export type LimitChanges = Partial<LimitValues>

/** Each limit with its origin. */
export type EffectiveLimits = Limits['limits']

/**
 * The limits at a time: for each limit the manual value, else that of the first rule in force that names
 * it, else the setting.
 */
export function limitsAt(
  { values, origins, schedule }: LimitSettings,
  manual: LimitChanges,
  time: LocalTime,
): EffectiveLimits {
  const rules = schedule.filter((rule) => isInForce(rule, time))
  const effective = (key: LimitKey): EffectiveLimits[LimitKey] => {
    const changed = manual[key]
    if (changed !== undefined) return { value: changed, from: 'hand' }
    const rule = rules.find((each) => key in each.values)
    const scheduled = rule?.values[key]
    if (rule !== undefined && scheduled !== undefined)
      return { value: scheduled, from: 'schedule', origin: rule.text }
    return { value: values[key], from: 'setting', origin: origins[key] }
  }
  return Object.fromEntries(
    limitKeys.map((key) => [key, effective(key)]),
  ) as unknown as EffectiveLimits
}

export function valuesOf(limits: EffectiveLimits): LimitValues {
  return Object.fromEntries(
    limitKeys.map((key) => [key, limits[key].value]),
  ) as unknown as LimitValues
}

function isInForce(rule: LimitRule, { weekday, minute }: LocalTime): boolean {
  const { weekdays, fromMinute, toMinute } = rule
  if (fromMinute < toMinute)
    return weekdays.has(weekday) && minute >= fromMinute && minute < toMinute
  const beganToday = weekdays.has(weekday) && minute >= fromMinute
  const beganYesterday = weekdays.has((weekday + 6) % 7) && minute < toMinute
  return beganToday || beganYesterday
}

const minuteMs = 60_000
/** A schedule repeats weekly; clocks may be set back by an hour in a week. */
const minutesAhead = 8 * minutesPerDay

/**
 * The next change of a limit by the schedule; undefined if there is none. Rules start and end at their
 * minutes, or when clocks are put forward or back over them.
 * @param fromMs in milliseconds since 1970, as the result
 */
export function nextChange(
  settings: LimitSettings,
  manual: LimitChanges,
  fromMs: number,
  localTimeAt: (ms: number) => LocalTime,
): Limits['nextChange'] {
  const { schedule } = settings
  if (schedule.length === 0) return undefined
  const boundaries = new Set(schedule.flatMap((rule) => [rule.fromMinute, rule.toMinute]))
  const now = valuesOf(limitsAt(settings, manual, localTimeAt(fromMs)))
  let atMs = fromMs - (fromMs % minuteMs)
  let before = localTimeAt(atMs).minute
  for (let minutes = 0; minutes < minutesAhead; minutes += 1) {
    atMs += minuteMs
    const time = localTimeAt(atMs)
    const isNext = time.minute === (before + 1) % minutesPerDay
    before = time.minute
    if (isNext && time.minute > 0 && !boundaries.has(time.minute)) continue
    const then = valuesOf(limitsAt(settings, manual, time))
    const changed = limitKeys.filter((key) => then[key] !== now[key])
    if (changed.length > 0)
      return { atMs, limits: Object.fromEntries(changed.map((key) => [key, then[key]])) }
  }
  return undefined
}
