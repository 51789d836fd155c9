/** The section `limits` of the settings: what this peer may use, and when it may use more or less. */
import Type, { type Static } from 'typebox'
import { byteRateOf, byteRateRule } from '../../common/byte-rate.ts'
import { limits } from '../../common/limits.ts'
import { defineSettings, type LoadedSettings } from '../../common/settings.ts'
import { type LimitValues, limitRanges } from '../api/shapes.ts'
import { type LimitKey, limitKeys } from '../api/words.ts'
import type { LimitRule, LimitSettings } from './limit-schedule.ts'
import { minuteOf, type Weekday, weekdays } from './local-time.ts'

const Rate = Type.Refine(
  Type.Unsafe<number | string>({}),
  (value) => byteRateOf(value) !== undefined,
  () => byteRateRule,
)
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
const values = {
  uploadBytesPerSecond: Rate,
  downloadBytesPerSecond: Rate,
  replicationUploadBytesPerSecond: Rate,
  replicationDownloadBytesPerSecond: Rate,
  connections: limitRanges.connections,
  downloadsAtOnce: limitRanges.downloadsAtOnce,
} as const satisfies Record<LimitKey, unknown>

const Rule = Type.Refine(
  Type.Object(
    {
      days: Type.Optional(Type.Array(Day, { minItems: 1 })),
      from: TimeOfDay,
      to: TimeOfDay,
      ...Type.Partial(Type.Object(values)).properties,
    },
    { additionalProperties: false },
  ),
  (rule) => limitKeys.some((key) => key in rule),
  () => 'must name a limit',
)

export const limitSettings = defineSettings('limits', {
  uploadBytesPerSecond: {
    schema: values.uploadBytesPerSecond,
    default: 'unlimited',
    flag: '--upload-limit',
    doc: 'bytes per second to send to other peers, such as 5MB',
  },
  downloadBytesPerSecond: {
    schema: values.downloadBytesPerSecond,
    default: 'unlimited',
    flag: '--download-limit',
    doc: 'bytes per second to fetch from other peers',
  },
  replicationUploadBytesPerSecond: {
    schema: values.replicationUploadBytesPerSecond,
    default: 'unlimited',
    flag: '--replication-upload-limit',
    doc: 'of what is sent, at most so much for replication',
  },
  replicationDownloadBytesPerSecond: {
    schema: values.replicationDownloadBytesPerSecond,
    default: 'unlimited',
    flag: '--replication-download-limit',
    doc: 'of what is fetched, at most so much for replication',
  },
  connections: {
    schema: values.connections,
    default: limits.connectionsMax,
    flag: '--connections',
    doc: 'connections of other peers that are served at the same time',
  },
  downloadsAtOnce: {
    schema: values.downloadsAtOnce,
    default: 4,
    flag: '--downloads-at-once',
    doc: 'downloads that run at the same time',
  },
  schedule: {
    schema: Type.Array(Rule, { maxItems: limits.scheduleRulesMax }),
    default: [],
    doc: 'other limits at certain times, as a list of rules',
  },
})

/** The limits as they are used: rates as numbers, times as minutes. */
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

/** Rates come as people write them; everything else is as it is. */
function normalized<Given extends Readonly<Partial<Record<LimitKey, number | string>>>>(
  given: Given,
): Pick<LimitValues, keyof Given & LimitKey> {
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [
      key,
      key.endsWith('BytesPerSecond') ? byteRateOf(value) : value,
    ]),
  ) as Pick<LimitValues, keyof Given & LimitKey>
}
