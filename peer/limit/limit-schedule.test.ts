import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadSettings } from '../../common/settings.ts'
import { type LimitSettings, limitsAt, nextChange } from './limit-schedule.ts'
import { limitSettings, toLimitSettings } from './limit-settings.ts'
import { type LocalTime, type Weekday, weekdays } from './local-time.ts'

function settingsWith(...schedule: readonly unknown[]): LimitSettings {
  const environment = { TANDEM_LIMITS_SCHEDULE: JSON.stringify(schedule) }
  return toLimitSettings(loadSettings(limitSettings, { environment }))
}

function at(day: Weekday, time: string): LocalTime {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  return { weekday: weekdays.indexOf(day), minute: 60 * hours + minutes }
}

function uploadAt(settings: LimitSettings, time: LocalTime): unknown {
  return limitsAt(settings, {}, time).uploadBytesPerSecond.value
}

const office = { days: ['mon', 'fri'], from: '08:00', to: '18:00', uploadBytesPerSecond: '1MB' }
const night = { days: ['fri'], from: '22:00', to: '06:00', uploadBytesPerSecond: '9MB' }

describe('a rule holds', () => {
  test.each<[string, unknown, Weekday, string, boolean]>([
    ['from its minute on', office, 'mon', '08:00', true],
    ['not before', office, 'mon', '07:59', false],
    ['to the minute before its end', office, 'mon', '17:59', true],
    ['not at its end', office, 'mon', '18:00', false],
    ['on its other day', office, 'fri', '12:00', true],
    ['on no other', office, 'tue', '12:00', false],
    ['in the evening, if it passes midnight', night, 'fri', '23:30', true],
    ['after midnight, on the next day', night, 'sat', '05:59', true],
    ['not after midnight of the day on which it begins', night, 'fri', '05:59', false],
    ['not in the evening of the next day', night, 'sat', '23:30', false],
    ['over the end of the week', { ...night, days: ['sat'] }, 'sun', '00:00', true],
    ['every day without days', { ...office, days: undefined }, 'sun', '08:00', true],
    ['to the end of the day', { ...office, to: '24:00' }, 'mon', '23:59', true],
    ['no longer than that', { ...office, to: '24:00' }, 'tue', '00:00', false],
    ['a whole day from its minute on', { ...night, to: '22:00' }, 'sat', '21:59', true],
  ])('%s', (_, rule, day, time, holds) => {
    expect(uploadAt(settingsWith(rule), at(day, time)) !== 'unlimited').toBe(holds)
  })
})

test('of rules that overlap the first one counts, for each limit by itself', () => {
  const settings = settingsWith(
    { from: '12:00', to: '13:00', uploadBytesPerSecond: '3MB' },
    { from: '08:00', to: '18:00', uploadBytesPerSecond: '1MB', downloadsAtOnce: 2 },
  )
  const limits = limitsAt(settings, {}, at('mon', '12:30'))
  expect(limits).toMatchObject({
    uploadBytesPerSecond: { value: 3_000_000, from: 'schedule', origin: 'daily 12:00-13:00' },
    downloadsAtOnce: { value: 2, from: 'schedule', origin: 'daily 08:00-18:00' },
    connections: { value: 4096, from: 'setting', origin: 'default' },
  })
  expect(uploadAt(settings, at('mon', '13:00'))).toBe(1_000_000)
})

test('a manual limit overrides everything else', () => {
  const settings = settingsWith(office)
  const limits = limitsAt(settings, { uploadBytesPerSecond: 'unlimited' }, at('mon', '12:00'))
  expect(limits.uploadBytesPerSecond).toEqual({ value: 'unlimited', from: 'hand' })
})

const anyTime = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'))

test('a rule and the one from its end to its beginning share out the day', () => {
  fc.assert(
    fc.property(anyTime, anyTime, fc.integer({ min: 0, max: 10_079 }), (from, to, minutes) => {
      fc.pre(from !== to)
      const time = { weekday: Math.floor(minutes / 1440), minute: minutes % 1440 }
      const [one, other] = [settingsWith({ ...office, days: undefined, from, to })].concat(
        settingsWith({ ...office, days: undefined, from: to, to: from }),
      )
      const holding = [one, other].filter((each) => each && uploadAt(each, time) === 1_000_000)
      expect(holding.length).toBe(1)
    }),
  )
})

describe('the next change', () => {
  /** Local time in Berlin, where clocks are put forward on 2026-03-29 and back on 2026-10-25. */
  const berlin = new Intl.DateTimeFormat('en-US', {
    timeZone: 'Europe/Berlin',
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const localTimeAt = (ms: number): LocalTime => {
    const parts = new Map(berlin.formatToParts(ms).map(({ type, value }) => [type, value]))
    const day = parts.get('weekday')?.toLowerCase() as Weekday
    return at(day, `${parts.get('hour') ?? ''}:${parts.get('minute') ?? ''}`)
  }
  const changeAfter = (utc: string, ...schedule: readonly unknown[]): string | undefined => {
    const settings = settingsWith(...schedule)
    const next = nextChange(settings, {}, Date.parse(utc), localTimeAt)
    return next && new Date(next.atMs).toISOString()
  }
  const early = { from: '02:30', to: '06:00', uploadBytesPerSecond: '1MB' }

  test.each<[string, string, unknown, string | undefined]>([
    ['is the beginning of a rule', '2026-06-01T00:00:30Z', office, '2026-06-01T06:00:00.000Z'],
    ['is its end', '2026-06-01T06:00:00Z', office, '2026-06-01T16:00:00.000Z'],
    [
      'is midnight, if a rule ends then',
      '2026-06-01T21:00:00Z',
      { ...office, to: '24:00' },
      '2026-06-01T22:00:00.000Z',
    ],
    ['may be days away', '2026-06-01T16:00:00Z', office, '2026-06-05T06:00:00.000Z'],
    ['comes early where clocks skip it', '2026-03-29T00:00:00Z', early, '2026-03-29T01:00:00.000Z'],
    ['comes when clocks show it first', '2026-10-25T00:00:00Z', early, '2026-10-25T00:30:00.000Z'],
    [
      'may be the hour that comes twice',
      '2026-10-25T00:30:00Z',
      { ...early, from: '02:15', to: '02:45' },
      '2026-10-25T00:45:00.000Z',
    ],
    [
      'is none when nothing changes',
      '2026-06-01T00:00:00Z',
      { ...office, uploadBytesPerSecond: 'unlimited' },
      undefined,
    ],
  ])('%s', (_, utc, rule, expected) => {
    expect(changeAfter(utc, rule)).toBe(expected)
  })

  test('gives the new values, and ignores limits that are set manually', () => {
    const settings = settingsWith({ ...office, downloadsAtOnce: 1 })
    const manual = { uploadBytesPerSecond: 50_000 }
    const next = nextChange(settings, manual, Date.parse('2026-06-01T00:00:00Z'), localTimeAt)
    expect(next?.limits).toEqual({ downloadsAtOnce: 1 })
  })

  test('is the first minute with other limits, on whatever days clocks are set', () => {
    const fromMs = fc.constantFrom('2026-03-28T20:00:00Z', '2026-10-24T20:00:00Z').map(Date.parse)
    const rule = fc.record({ from: anyTime, to: anyTime, days: fc.constantFrom(['sat'], ['sun']) })
    fc.assert(
      fc.property(fromMs, rule, (startMs, given) => {
        const settings = settingsWith({ ...given, uploadBytesPerSecond: '1MB' })
        const uploadAtMs = (ms: number): unknown => uploadAt(settings, localTimeAt(ms))
        const atMs = nextChange(settings, {}, startMs, localTimeAt)?.atMs ?? 0
        expect(uploadAtMs(atMs)).not.toBe(uploadAtMs(startMs))
        const firstMs = Math.max(startMs, atMs - 180 * 60_000)
        for (let ms = firstMs; ms < atMs; ms += 60_000)
          expect(uploadAtMs(ms)).toBe(uploadAtMs(startMs))
      }),
      { numRuns: 20 },
    )
  })

  test('is none without a schedule', () => {
    expect(changeAfter('2026-06-01T00:00:00Z')).toBe(undefined)
  })
})
