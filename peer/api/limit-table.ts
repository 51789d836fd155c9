/**
 * THE table of limits. Settings, schedule, API, the command `limits` and its report are derived from it;
 * peer/limit/limiter.ts applies the values. It must not load the schema library, which would slow down
 * every command.
 */
import { type ByteRate, byteRateOf, byteRateRule } from '../../common/byte-rate.ts'
import { type ByteLimit, byteLimitOf, byteLimitRule } from '../../common/byte-size.ts'
import { limits } from '../../common/limits.ts'

export interface LimitRow {
  /** Its name in commands. */
  readonly word: string
  /**
   * `rate`: bytes per second, or unlimited. `size`: bytes, or unlimited. `count`: a whole number from
   * 1 to `max`.
   */
  readonly unit: 'rate' | 'size' | 'count'
  readonly max?: number
  readonly default: ByteRate | ByteLimit
  readonly flag: `--${string}`
  /** For `--help`; a phrase without a full stop. */
  readonly doc: string
}

export const limitTable = {
  uploadBytesPerSecond: {
    word: 'upload',
    unit: 'rate',
    default: 'unlimited',
    flag: '--upload-limit',
    doc: 'upload rate in bytes per second, such as 5MB',
  },
  downloadBytesPerSecond: {
    word: 'download',
    unit: 'rate',
    default: 'unlimited',
    flag: '--download-limit',
    doc: 'download rate in bytes per second',
  },
  replicationUploadBytesPerSecond: {
    word: 'replication-upload',
    unit: 'rate',
    default: 'unlimited',
    flag: '--replication-upload-limit',
    doc: 'part of the upload rate that replication may use',
  },
  replicationDownloadBytesPerSecond: {
    word: 'replication-download',
    unit: 'rate',
    default: 'unlimited',
    flag: '--replication-download-limit',
    doc: 'part of the download rate that replication may use',
  },
  scrubBytesPerSecond: {
    word: 'scrub',
    unit: 'rate',
    default: 50_000_000,
    flag: '--scrub-limit',
    doc: 'rate of checking copies, in bytes per second; a sixteenth of it during transfers for users',
  },
  capacityBytes: {
    word: 'capacity',
    unit: 'size',
    default: 'unlimited',
    flag: '--capacity',
    doc: 'the most that this peer keeps for others, in bytes, such as 500GB',
  },
  connections: {
    word: 'connections',
    unit: 'count',
    max: limits.connectionsMax,
    default: limits.connectionsMax,
    flag: '--connections',
    doc: 'incoming connections served concurrently',
  },
  downloadsAtOnce: {
    word: 'downloads',
    unit: 'count',
    max: limits.downloadsAtOnceMax,
    default: 4,
    flag: '--downloads-at-once',
    doc: 'concurrent downloads',
  },
} as const satisfies Readonly<Record<string, LimitRow>>

type LimitTable = typeof limitTable
export type LimitKey = keyof LimitTable
export const limitKeys = Object.keys(limitTable) as LimitKey[]
export const limitWords = limitKeys.map((key) => limitTable[key].word)

/** The type of a limit. */
export type LimitValue<Key extends LimitKey> = LimitTable[Key]['unit'] extends 'count'
  ? number
  : ByteRate | ByteLimit

/** Maps each row with `make`. */
export function eachLimit<Made>(
  make: (row: LimitRow, key: LimitKey) => Made,
): Readonly<Record<LimitKey, Made>> {
  return Object.fromEntries(limitKeys.map((key) => [key, make(limitTable[key], key)])) as Record<
    LimitKey,
    Made
  >
}

/** Parses a limit; undefined if invalid. */
export function limitOf(
  { unit, max = 0 }: LimitRow,
  text: string,
): ByteRate | ByteLimit | undefined {
  if (unit === 'rate') return byteRateOf(text)
  if (unit === 'size') return byteLimitOf(text)
  const count = Number(text)
  return Number.isInteger(count) && count >= 1 && count <= max ? count : undefined
}

/** The syntax of a limit, as the end of a sentence. */
export function limitRule({ unit, max = 0 }: LimitRow): string {
  if (unit === 'size') return byteLimitRule
  return unit === 'rate' ? byteRateRule : `must be a whole number from 1 to ${max}`
}
