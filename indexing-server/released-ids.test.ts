import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { releaseId, takeRelease } from './released-ids.ts'

test('a release is for one id, and used once', async () => {
  await using folder = await temporaryFolder()
  const data = join(folder.path, 'index')
  let used = 0
  const use = async (): Promise<number> => used++
  expect(await takeRelease(data, 'peer1', use)).toBe(false)
  await releaseId(data, 'peer1')
  expect(await takeRelease(data, 'peer2', use)).toBe(false)
  const failing = takeRelease(data, 'peer1', () => Promise.reject(new Error('the disk is full')))
  await expect(failing).rejects.toThrow('full')
  expect(await takeRelease(data, 'peer1', use)).toBe(true)
  expect(await takeRelease(data, 'peer1', use)).toBe(false)
  expect(await takeRelease(':memory:', 'peer1', use)).toBe(false)
  expect(used).toBe(1)
})
