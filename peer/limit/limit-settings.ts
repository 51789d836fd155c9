/** The section `limits` of the settings: the limits of this peer and their schedule. */
import Type, { type Static, type TInteger } from 'typebox'
import { byteRateOf } from '../../common/byte-rate.ts'
import { ByteLimitText, ByteRateText } from '../../common/byte-settings.ts'
import { byteLimitOf } from '../../common/byte-size.ts'
import { limits } from '../../common/limits.ts'
import { defineSettings, type LoadedSettings } from '../../common/settings.ts'
import { type LimitValues, limitSchemas } from '../api/limit-shapes.ts'
import {
  eachLimit,
  type LimitKey,
  type LimitValue,
  limitKeys,
  limitTable,
} from '../api/limit-table.ts'
import type { LimitRule, LimitSettings } from './limit-schedule.ts'
import { minuteOf, type Weekday, weekdays } from './local-time.ts'

const Day = Type.Refine(
  Type.Unsafe<Weekday>({}),
  (value) => weekdays.includes(value),
  () => `must be one of ${weekdays.join(', ')}`,
)
const TimeOfDay = Type.Refine(
  Type.Unsafe<string>({}),
  (value) => minuteOf(value) !== undefined,
  () => 'must be a time from "00:00" to "24:00"',
)
type SettingSchemas = {
  readonly [Key in LimitKey]: LimitValue<Key> extends number ? TInteger : typeof ByteRateText
}
const schemas = eachLimit(({ unit }, key) => {
  if (unit === 'size') return ByteLimitText
  return unit === 'rate' ? ByteRateText : limitSchemas[key]
}) as SettingSchemas

const Rule = Type.Refine(
  Type.Object(
    {
      days: Type.Optional(Type.Array(Day, { minItems: 1 })),
      from: TimeOfDay,
      to: TimeOfDay,
      ...Type.Partial(Type.Object(schemas)).properties,
    },
    { additionalProperties: false },
  ),
  (rule) => limitKeys.some((key) => key in rule),
  () => 'must name a limit',
)

type LimitSettingRows = {
  readonly [Key in LimitKey]: {
    readonly schema: SettingSchemas[Key]
    readonly default: LimitValue<Key>
    readonly flag: `--${string}`
    readonly doc: string
  }
}

export const limitSettings = defineSettings('limits', {
  ...(eachLimit(({ default: value, flag, doc }, key) => ({
    schema: schemas[key],
    default: value,
    flag,
    doc,
  })) as LimitSettingRows),
  schedule: {
    schema: Type.Array(Rule, { maxItems: limits.scheduleRulesMax }),
    default: [],
    doc: 'rules that set limits by time of day',
  },
})

/** The limits with rates and sizes as numbers, and times as minutes. */
export function toLimitSettings({
  values: { schedule, ...given },
  origins,
}: LoadedSettings<typeof limitSettings.table>): LimitSettings {
  return { values: normalized(given), origins, schedule: schedule.map(toRule) }
}

function toRule({ days = [...weekdays], from, to, ...given }: Static<typeof Rule>): LimitRule {
  return {
    text: `${days.length === weekdays.length ? 'daily' : days.join(', ')} ${from}-${to}`,
    weekdays: new Set(days.map((day) => weekdays.indexOf(day))),
    fromMinute: minuteOf(from) ?? 0,
    toMinute: minuteOf(to) ?? 0,
    values: normalized(given),
  }
}

/** With rates and sizes as numbers instead of text. */
function normalized<Given extends Readonly<Partial<Record<LimitKey, number | string>>>>(
  given: Given,
): Pick<LimitValues, keyof Given & LimitKey> {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => {
      const { unit } = limitTable[key as LimitKey]
      if (unit === 'size') return [key, byteLimitOf(value)]
      return [key, unit === 'rate' ? byteRateOf(value) : value]
    }),
  ) as Pick<LimitValues, keyof Given & LimitKey>
}
