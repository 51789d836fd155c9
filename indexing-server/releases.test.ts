import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { releaseId, takeRelease } from './releases.ts'

test('a release is for one id, and used once', async () => {
  await using folder = await temporaryFolder()
  const data = join(folder.path, 'index')
  expect(await takeRelease(data, 'peer1')).toBe(false)
  await releaseId(data, 'peer1')
  expect(await takeRelease(data, 'peer2')).toBe(false)
  expect(await takeRelease(data, 'peer1')).toBe(true)
  expect(await takeRelease(data, 'peer1')).toBe(false)
  expect(await takeRelease(':memory:', 'peer1')).toBe(false)
})
