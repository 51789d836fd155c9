/** Which limits hold when: policy, without any state of its own. */
import type { Origin } from '../../common/settings.ts'
import { type LimitKey, limitKeys } from '../api/limit-table.ts'
import type { Limits, LimitValues } from '../api/shapes.ts'
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
 * When the schedule changes a limit next, and to what; undefined if it never does. Rules begin and end
 * at their minutes, or where clocks are put forward or back over them.
 * @param fromMs in milliseconds since 1970, as the result
 */
export function nextChange(
  settings: LimitSettings,
  byHand: LimitChanges,
  fromMs: number,
  localTimeAt: (ms: number) => LocalTime,
): Limits['nextChange'] {
  const { schedule } = settings
  if (schedule.length === 0) return undefined
  const turns = new Set(schedule.flatMap((rule) => [rule.fromMinute, rule.toMinute]))
  const now = valuesOf(limitsAt(settings, byHand, localTimeAt(fromMs)))
  let atMs = fromMs - (fromMs % minuteMs)
  let before = localTimeAt(atMs).minute
  for (let minutes = 0; minutes < minutesAhead; minutes += 1) {
    atMs += minuteMs
    const time = localTimeAt(atMs)
    const isNext = time.minute === (before + 1) % minutesPerDay
    before = time.minute
    if (isNext && time.minute > 0 && !turns.has(time.minute)) continue
    const then = valuesOf(limitsAt(settings, byHand, time))
    const changed = limitKeys.filter((key) => then[key] !== now[key])
    if (changed.length > 0)
      return { atMs, limits: Object.fromEntries(changed.map((key) => [key, then[key]])) }
  }
  return undefined
}
