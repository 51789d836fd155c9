import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadSettings } from '../../common/settings.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { limitSettings, toLimitSettings } from './limit-settings.ts'

async function messageFor(limits: unknown): Promise<string> {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'config.json')
  await writeFile(path, JSON.stringify({ limits }))
  try {
    loadSettings(limitSettings, { file: { path, isOptional: false }, environment: {} })
    return 'none'
  } catch (error) {
    return (error as Error).message.slice(path.length + 2)
  }
}

const rule = { from: '08:00', to: '18:00', uploadBytesPerSecond: '1MB' }
const rateRule =
  'must be "unlimited" or bytes per second, at least 50 KB, such as 5000000 or "5MB", not'

test.each([
  [{ uploadBytesPerSecond: '10KB' }, `limits.uploadBytesPerSecond ${rateRule} '10KB'.`],
  [{ downloadBytesPerSecond: 0 }, `limits.downloadBytesPerSecond ${rateRule} 0.`],
  [
    { replicationUploadBytesPerSecond: 'fast' },
    `limits.replicationUploadBytesPerSecond ${rateRule} 'fast'.`,
  ],
  [{ connections: 0 }, 'limits.connections must be a whole number from 1 to 4096, not 0.'],
  [{ downloadsAtOnce: 65 }, 'limits.downloadsAtOnce must be a whole number from 1 to 64, not 65.'],
  [{ upload: 5 }, 'limits.upload is not a setting.'],
  [
    { schedule: [{ ...rule, from: '8am' }] },
    'limits.schedule[0].from must be a time from "00:00" to "24:00", not \'8am\'.',
  ],
  [
    { schedule: [rule, { ...rule, to: '24:01' }] },
    'limits.schedule[1].to must be a time from "00:00" to "24:00", not \'24:01\'.',
  ],
  [
    { schedule: [{ ...rule, days: ['Mon'] }] },
    "limits.schedule[0].days[0] must be one of sun, mon, tue, wed, thu, fri, sat, not 'Mon'.",
  ],
  [
    { schedule: [{ ...rule, uploadBytesPerSecond: 1 }] },
    `limits.schedule[0].uploadBytesPerSecond ${rateRule} 1.`,
  ],
  [{ schedule: [{ ...rule, upload: 5 }] }, 'limits.schedule[0].upload is not a setting.'],
  [
    { schedule: [{ from: '08:00', to: '18:00' }] },
    'limits.schedule[0] must name a limit, not {"from":"08:00","to":"18:00"}.',
  ],
])('%j is refused', async (limits, message) => {
  expect(await messageFor(limits)).toBe(message)
})

test('rates may be written in several ways, and become numbers', () => {
  const schedule = JSON.stringify([{ ...rule, days: ['sat', 'sun'], downloadsAtOnce: 9 }])
  const {
    values,
    origins,
    schedule: rules,
  } = toLimitSettings(
    loadSettings(limitSettings, {
      environment: { TANDEM_LIMITS_SCHEDULE: schedule },
      flags: { uploadLimit: '5 MB/s', downloadsAtOnce: '3' },
    }),
  )
  expect(values).toMatchObject({
    uploadBytesPerSecond: 5_000_000,
    downloadBytesPerSecond: 'unlimited',
    connections: 4096,
    downloadsAtOnce: 3,
  })
  expect(origins.uploadBytesPerSecond).toBe('--upload-limit')
  expect(rules).toEqual([
    {
      text: 'sat, sun 08:00-18:00',
      weekdays: new Set([6, 0]),
      fromMinute: 480,
      toMinute: 1080,
      values: { uploadBytesPerSecond: 1_000_000, downloadsAtOnce: 9 },
    },
  ])
})
