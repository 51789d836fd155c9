import { expect, test } from 'vitest'
import { BackgroundWork } from '../common/background.ts'
import { AppError } from '../common/errors.ts'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { databaseProbeIdleMs, databaseProbeMaxMs, WriteHealth } from './write-health.ts'

function setUp() {
  const clock = new FakeClock()
  const background = new BackgroundWork({ log: silentLog })
  const disk = { isFull: false, probes: 0, bug: undefined as Error | undefined }
  const error = new AppError('DISK_FAILED', { action: 'write', path: '/x', reason: 'it is full' })
  const health = new WriteHealth({
    probe: async () => {
      disk.probes++
      if (disk.bug !== undefined) throw disk.bug
      if (!disk.isFull) return
      health.onFault(error)
      throw error
    },
    background,
    clock,
    random: seededRandom('health'),
    log: silentLog,
  })
  return { clock, background, disk, error, health }
}

test('a fault is tried again ever more seldom, and ends by itself', async () => {
  const { clock, background, disk, error, health } = setUp()
  await using _ = background
  expect(health.fault).toBeUndefined()
  disk.isFull = true
  health.onFault(error)
  health.onFault(error)
  expect(health.fault).toBe('the database cannot be written: it is full')
  for (let seconds = 0; seconds < 60; seconds++) await clock.advance(1_000)
  expect(disk.probes).toBeGreaterThan(60_000 / databaseProbeMaxMs)
  expect(disk.probes).toBeLessThan(30)
  expect(health.fault).toBeDefined()
  disk.isFull = false
  await clock.advance(databaseProbeMaxMs)
  expect(health.fault).toBeUndefined()
  const { probes } = disk
  await clock.advance(60_000)
  expect(disk.probes).toBe(probes)
})

test('it keeps trying after an error of another kind', async () => {
  const { clock, background, disk, error, health } = setUp()
  await using _ = background
  disk.bug = new Error('a bug')
  health.onFault(error)
  await clock.advance(databaseProbeMaxMs)
  expect([disk.probes > 0, health.fault !== undefined]).toEqual([true, true])
  disk.bug = undefined
  await clock.advance(databaseProbeMaxMs)
  expect(health.fault).toBeUndefined()
})

test('a check of an idle index tries to write, not each time', async () => {
  const { clock, background, disk, health } = setUp()
  await using _ = background
  disk.isFull = true
  expect(await health.check()).toBeUndefined()
  await clock.advance(databaseProbeIdleMs)
  expect(await health.check()).toMatch(/full$/)
  disk.isFull = false
  await clock.advance(databaseProbeMaxMs)
  const { probes } = disk
  for (let checks = 0; checks < 5; checks++) expect(await health.check()).toBeUndefined()
  expect(disk.probes).toBe(probes)
})
