import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { readIdentity } from './peer-secret.ts'

test('each id of a folder has its own stable identity, of which only a hash is sent', async () => {
  await using folder = await temporaryFolder()
  const random = seededRandom('secret')
  const first = await readIdentity(folder.path, 'peer1', { random })
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  const other = await readIdentity(folder.path, 'peer2', { random })
  expect(other).not.toBe(first)
  expect(await readIdentity(folder.path, 'peer1', { random })).toBe(first)
  const path = join(folder.path, 'identity', 'peer1')
  const secret = (await readFile(path, 'utf8')).trim()
  expect(secret).not.toBe((await readFile(join(folder.path, 'identity', 'peer2'), 'utf8')).trim())
  expect(first).not.toContain(secret)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('a damaged secret is not replaced', async () => {
  await using folder = await temporaryFolder()
  const random = seededRandom('secret')
  await readIdentity(folder.path, 'peer1', { random })
  const path = join(folder.path, 'identity', 'peer1')
  await writeFile(path, 'half')
  await expect(readIdentity(folder.path, 'peer1', { random })).rejects.toMatchObject({
    code: 'DISK_FAILED',
  })
  expect(await readFile(path, 'utf8')).toBe('half')
})
