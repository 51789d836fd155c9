/** Which limits hold when: policy, without any state of its own. */
import type { Origin } from '../../common/settings.ts'
import { type LimitKey, type Limits, type LimitValues, limitKeys } from '../api.ts'
import { type LocalTime, minutesPerDay } from './local-time.ts'

/** Other limits from one time of day to another; past midnight if the second is not later. */
export interface LimitRule {
  /** For people: `sat, sun 08:00-20:00`. */
  readonly text: string
  /** Those on which it begins; 0 for Sunday. */
  readonly weekdays: ReadonlySet<number>
  /** Of the day; included. */
  readonly fromMinute: number
  /** Not included. */
  readonly toMinute: number
  readonly values: Partial<LimitValues>
}

/** What the settings say. */
export interface LimitSettings {
  readonly values: LimitValues
  readonly origins: Readonly<Record<LimitKey, Origin>>
  readonly schedule: readonly LimitRule[]
}

/** What was changed while running. */
export type LimitChanges = Partial<LimitValues>

/** Each limit with where it comes from. */
export type EffectiveLimits = Limits['limits']

/**
 * The limits at a time: what was changed by hand, else what the first rule says that holds then and
 * names this limit, else what the settings say.
 */
export function limitsAt(
  { values, origins, schedule }: LimitSettings,
  byHand: LimitChanges,
  time: LocalTime,
): EffectiveLimits {
  const rules = schedule.filter((rule) => isInForce(rule, time))
  const effective = (key: LimitKey): EffectiveLimits[LimitKey] => {
    const changed = byHand[key]
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
/** A schedule comes round in a week; clocks may be set back by an hour in it. */
const minutesAhead = 8 * minutesPerDay

/**
 * When the schedule changes a limit next, and to what; undefined if it never does. Looks at each
 * minute, so that it is right also where clocks are put forward or back.
 * @param limitsAtMs the limits at a time, in milliseconds since 1970
 */
export function nextChange(
  fromMs: number,
  limitsAtMs: (ms: number) => EffectiveLimits,
): Limits['nextChange'] {
  const now = valuesOf(limitsAtMs(fromMs))
  const firstMs = fromMs - (fromMs % minuteMs)
  for (let minutes = 1; minutes <= minutesAhead; minutes += 1) {
    const atMs = firstMs + minutes * minuteMs
    const then = valuesOf(limitsAtMs(atMs))
    const changed = limitKeys.filter((key) => then[key] !== now[key])
    if (changed.length > 0)
      return { atMs, limits: Object.fromEntries(changed.map((key) => [key, then[key]])) }
  }
  return undefined
}
