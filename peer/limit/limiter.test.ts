import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadSettings } from '../../common/settings.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { limitSettings, toLimitSettings } from './limit-settings.ts'
import { Limiter } from './limiter.ts'

/** A Monday, in whatever time zone this machine is. */
const mondayMs = (hours: number, minutes: number): number =>
  new Date(2026, 0, 5, hours, minutes).getTime()

class World {
  readonly clock: FakeClock
  readonly folder: string

  constructor(folder: string, nowMs: number) {
    this.clock = new FakeClock(nowMs)
    this.folder = folder
  }

  async limiter(...schedule: readonly unknown[]): Promise<Limiter> {
    const environment = {
      TANDEM_LIMITS_UPLOAD_BYTES_PER_SECOND: '20MB',
      TANDEM_LIMITS_SCHEDULE: JSON.stringify(schedule),
    }
    const settings = toLimitSettings(loadSettings(limitSettings, { environment }))
    const { clock, folder } = this
    const limiter = await Limiter.open({ settings, folder }, { clock, log: silentLog })
    onTestFinished(() => limiter[Symbol.dispose]())
    return limiter
  }
}

async function aWorld(nowMs = mondayMs(7, 58)): Promise<World> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return new World(folder.path, nowMs)
}

test('settings apply, and without a schedule no timer is set', async () => {
  const world = await aWorld()
  const { limits, uploads, downloads } = await world.limiter()
  const origin = 'TANDEM_LIMITS_UPLOAD_BYTES_PER_SECOND'
  const upload = { value: 20_000_000, from: 'setting', origin }
  expect(limits).toMatchObject({ limits: { uploadBytesPerSecond: upload } })
  expect(limits.nextChange).toBe(undefined)
  expect(uploads.partBytes('download')).toBe(1_000_000)
  expect(downloads.partBytes('download')).toBe(Number.POSITIVE_INFINITY)
  expect(world.clock.pending).toBe(0)
})

test('the schedule is followed to the minute', async () => {
  const world = await aWorld()
  const rule = { from: '08:00', to: '08:02', uploadBytesPerSecond: '1MB', connections: 7 }
  const limiter = await world.limiter(rule)
  expect(limiter.limits.nextChange).toEqual({
    atMs: mondayMs(8, 0),
    limits: { uploadBytesPerSecond: 1_000_000, connections: 7 },
  })
  await world.clock.advance(119_000)
  expect(limiter.connections).toBe(4096)
  await world.clock.advance(1_000)
  expect(limiter.connections).toBe(7)
  expect(limiter.uploads.partBytes('download')).toBe(50_000)
  await world.clock.advance(120_000)
  expect(limiter.connections).toBe(4096)
  expect(limiter.uploads.partBytes('download')).toBe(1_000_000)
})

test('a manual change takes effect immediately, overrides the schedule, and survives a restart', async () => {
  const world = await aWorld()
  const rule = { from: '08:00', to: '09:00', uploadBytesPerSecond: '1MB', downloadsAtOnce: 9 }
  const limiter = await world.limiter(rule)
  const told: number[] = []
  limiter.onDownloadsAtOnce((count) => told.push(count))
  const { limits } = await limiter.change({ uploadBytesPerSecond: 50_000, downloadsAtOnce: 2 })
  expect(limits.uploadBytesPerSecond).toEqual({ value: 50_000, from: 'hand' })
  await world.clock.advance(300_000)
  expect(limiter.uploads.partBytes('download')).toBe(4_096)
  expect(told).toEqual([2])

  const restarted = await world.limiter(rule)
  expect(restarted.downloadsAtOnce).toBe(2)
  expect(restarted.limits.limits.uploadBytesPerSecond.value).toBe(50_000)
  await restarted.change({ downloadsAtOnce: null })
  expect(restarted.downloadsAtOnce).toBe(9)
  await restarted.change({ uploadBytesPerSecond: null })
  expect(restarted.limits.limits.uploadBytesPerSecond.from).toBe('schedule')
})

test('a change of the capacity is told, and kept until it is reset', async () => {
  const world = await aWorld()
  const limiter = await world.limiter()
  const told: number[] = []
  limiter.onCapacity(() => told.push(limiter.capacityBytes))
  expect(limiter.capacityBytes).toBe(Infinity)
  await limiter.change({ capacityBytes: 0 })
  await limiter.change({ connections: 5 })
  await limiter.change({ capacityBytes: 500 })
  const restarted = await world.limiter()
  expect(restarted.capacityBytes).toBe(500)
  await limiter.change({ capacityBytes: null })
  expect(told).toEqual([0, 500, Infinity])
})

test('changes at the same time are all kept', async () => {
  const world = await aWorld()
  const limiter = await world.limiter()
  await Promise.all([
    limiter.change({ connections: 5 }),
    limiter.change({ downloadsAtOnce: 6 }),
    limiter.change({ connections: 7 }),
  ])
  const restarted = await world.limiter()
  expect([restarted.connections, restarted.downloadsAtOnce]).toEqual([7, 6])
  expect(await readdir(world.folder)).toEqual(['limits.json'])
})

test('a change that cannot be stored is not made', async () => {
  const world = await aWorld()
  const limiter = await world.limiter()
  await mkdir(join(world.folder, 'limits.json', 'in the way'), { recursive: true })
  const failure = { code: 'DISK_FAILED' }
  await expect(limiter.change({ connections: 5 })).rejects.toMatchObject(failure)
  expect(limiter.connections).toBe(4096)
  expect(await readdir(world.folder)).toEqual(['limits.json'])
})

test.each(['', '{', '[]', '{"connections":0}', '{"uploadBytesPerSecond":1}'])(
  'a file that holds %j is ignored',
  async (text) => {
    const world = await aWorld()
    await writeFile(join(world.folder, 'limits.json'), text)
    expect((await world.limiter()).connections).toBe(4096)
  },
)

test('disposing ends everything', async () => {
  const world = await aWorld()
  const limiter = await world.limiter({ from: '08:00', to: '09:00', connections: 5 })
  expect(world.clock.pending).toBe(1)
  limiter[Symbol.dispose]()
  expect(world.clock.pending).toBe(0)
})
