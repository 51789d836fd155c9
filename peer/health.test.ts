import { describe, expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import type { AnnouncerState } from './announce/announcer.ts'
import {
  type Health,
  type HealthFacts,
  healthOf,
  type TroubleCode,
  troubleCodes,
} from './health.ts'
import { healthLooker, healthMs } from './health-facts.ts'
import { problemCodes } from './problem-table.ts'
import { fakeHealth } from './testing/fake-vitals.ts'

const address = '127.0.0.1:7000'
const bound = new AppError('PEER_ID_BOUND', { peerId: 'peer1' })
const readOnly = new AppError('DISK_FAILED', {
  action: 'measure the disk of',
  path: '/data/replicated',
  reason: 'EACCES: permission denied',
})

const cases: readonly [TroubleCode, string, Partial<HealthFacts>, string][] = [
  ['INDEX_REFUSES', 'failed', { index: { state: 'refused', address, error: bound } }, 'secret'],
  ['INDEX_AWAY', 'degraded', { index: { state: 'connecting', address } }, address],
  [
    'NOT_REACHABLE',
    'degraded',
    { unreachable: { address: '192.0.2.99:7100', reason: 'ECONNREFUSED', remedy: 'set it' } },
    'ECONNREFUSED',
  ],
  [
    'FILES_MISSING',
    'degraded',
    { keptFolders: [{ folder: 'shared', reason: 'is not there', files: 50 }] },
    'shared/ is not there',
  ],
  ['DISK_FULL', 'degraded', { room: { freeBytes: 1_000, diskBytes: 60_000_000 } }, '1000'],
  ['DISK_FULL', 'degraded', { room: { freeBytes: 0, diskBytes: 10 ** 12 } }, 'free'],
  ['DISK_UNUSABLE', 'degraded', { room: readOnly }, 'EACCES'],
  ['HISTORY_UNUSABLE', 'degraded', { historyFault: 'the disk is full' }, 'the disk is full'],
]

test('a healthy peer is ok, even with files that are not shared', () => {
  expect(healthOf(fakeHealth)).toMatchObject({
    status: 'ok',
    index: 'connected',
    troubles: [],
    problems: 2,
    counts: { NAME_BACKSLASH: 2, LINK_BROKEN: 0, INDEX_AWAY: 0 },
  })
})

test.each(cases)(
  '%s makes it %s, is counted, and has a reason and a remedy',
  (code, status, facts, why) => {
    const health = healthOf({ ...fakeHealth, ...facts })
    expect(health.status).toBe(status)
    expect(health.counts[code]).toBe(1)
    expect(health.troubles).toMatchObject([{ code }])
    expect(health.troubles[0]?.reason).toContain(why)
    expect(health.troubles[0]?.remedy).toMatch(/^[A-Z].*\.$/)
  },
)

test('every trouble is tested', () => {
  expect(new Set(cases.map(([code]) => code))).toEqual(new Set(troubleCodes))
  // They are values of one label.
  expect(troubleCodes.filter((code) => (problemCodes as readonly string[]).includes(code))).toEqual(
    [],
  )
})

test('a small disk with some free space is not full', () => {
  const room = { freeBytes: 2_000_000, diskBytes: 60_000_000 }
  expect(healthOf({ ...fakeHealth, room }).status).toBe('ok')
})

describe('the facts of a running peer', () => {
  const share = {
    keptFolders: () => [],
    problemCounts: () => new Map(),
    room: async () => ({ freeBytes: 10 ** 9, diskBytes: 10 ** 9 }),
  }
  const announcer = { address, connection: undefined, state: { name: 'connecting' } } as const
  const reach = { unreachable: undefined }
  const history = { fault: undefined }

  test('an unresponsive disk counts as unusable and does not delay the answer', async () => {
    const clock = new FakeClock()
    let measured = 0
    const room = (): Promise<never> => {
      measured++
      return new Promise(() => {})
    }
    const look = healthLooker({ share: { ...share, room }, announcer, reach, history, clock })
    for (let times = 0; times < 3; times++) {
      const facts = look()
      await clock.advance(healthMs)
      expect(healthOf(await facts).troubles.map(({ code }) => code)).toEqual([
        'INDEX_AWAY',
        'DISK_UNUSABLE',
      ])
    }
    expect(measured).toBe(1)
  })

  test('a refusal of the index is reported with its reason, and so is a failed attempt', async () => {
    const clock = new FakeClock()
    const healthIn = async (state: AnnouncerState): Promise<Health> =>
      healthOf(
        await healthLooker({ share, announcer: { ...announcer, state }, reach, history, clock })(),
      )
    expect(await healthIn({ name: 'refused', error: bound })).toMatchObject({ status: 'failed' })
    const error = new AppError('DIAL_FAILED', { address, reason: 'ECONNREFUSED' })
    expect((await healthIn({ name: 'connecting', error })).troubles[0]?.reason).toContain(
      'ECONNREFUSED',
    )
  })
})
