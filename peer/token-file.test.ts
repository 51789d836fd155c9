import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { CurrentToken, ensureToken, readToken, replaceToken, tokenPlace } from './token-file.ts'

const random = systemRandom
const shared = 'a'.repeat(32)

test('the first start makes a token that only the user of the peer may read', async () => {
  await using folder = await temporaryFolder()
  const place = tokenPlace({ data: folder.path, tokenFile: undefined })
  expect(place.path).toBe(join(folder.path, '.tandem', 'token'))
  expect(await readToken(place)).toBeUndefined()
  const token = await ensureToken(place, { random })
  expect(token).toMatch(/^[0-9a-f]{64}$/)
  expect((await stat(place.path)).mode & 0o777).toBe(0o600)
  expect(await ensureToken(place, { random })).toBe(token)
  expect(await readdir(join(folder.path, '.tandem'))).toEqual(['token'])
})

test('starts at the same time agree on one token', async () => {
  await using folder = await temporaryFolder()
  const place = tokenPlace({ data: folder.path, tokenFile: undefined })
  const tokens = await Promise.all(Array.from({ length: 10 }, () => ensureToken(place, { random })))
  expect(new Set(tokens).size).toBe(1)
})

test('a token that other users can read is refused, and its replacement is private', async () => {
  await using folder = await temporaryFolder()
  const place = tokenPlace({ data: folder.path, tokenFile: undefined })
  const first = await ensureToken(place, { random })
  await chmod(place.path, 0o640)
  await expect(ensureToken(place, { random })).rejects.toMatchObject({
    code: 'TOKEN_UNUSABLE',
    details: { reason: expect.stringContaining('640') as unknown },
  })
  const second = await replaceToken(place, { random })
  expect(second).not.toBe(first)
  expect(await readToken(place)).toBe(second)
  expect((await stat(place.path)).mode & 0o777).toBe(0o600)
})

test.each(['', 'short', 'a'.repeat(600), `${'a'.repeat(40)} b`, 'ä'.repeat(40)])(
  'a file with %j is refused and kept',
  async (text) => {
    await using folder = await temporaryFolder()
    const place = tokenPlace({ data: folder.path, tokenFile: undefined })
    await mkdir(join(folder.path, '.tandem'))
    await writeFile(place.path, text, { mode: 0o600 })
    await expect(ensureToken(place, { random })).rejects.toMatchObject({ code: 'TOKEN_UNUSABLE' })
    expect(await readFile(place.path, 'utf8')).toBe(text)
  },
)

test('a shared file may be readable by others, and is never made', async () => {
  await using folder = await temporaryFolder()
  const tokenFile = join(folder.path, 'secret')
  const place = tokenPlace({ data: folder.path, tokenFile })
  await expect(ensureToken(place, { random })).rejects.toMatchObject({ code: 'TOKEN_UNUSABLE' })
  await writeFile(tokenFile, `${shared}\n`, { mode: 0o644 })
  expect(await ensureToken(place, { random })).toBe(shared)
  // As Docker and Kubernetes mount secrets.
  await rm(join(folder.path, 'link'), { force: true })
  await symlink(tokenFile, join(folder.path, 'link'))
  expect(await readToken({ path: join(folder.path, 'link'), isOwn: false })).toBe(shared)
  await replaceToken(place, { random })
  expect((await stat(tokenFile)).mode & 0o777).toBe(0o644)
})

test('a running peer notices a new token, and a file that becomes unusable', async () => {
  await using folder = await temporaryFolder()
  const place = tokenPlace({ data: folder.path, tokenFile: undefined })
  await ensureToken(place, { random })
  const clock = new FakeClock()
  const current = new CurrentToken(place, { clock, log: silentLog })
  const first = await current.digest()
  await replaceToken(place, { random })
  await clock.advance(1_000)
  const second = await current.digest()
  expect(second.equals(first)).toBe(false)
  await chmod(place.path, 0o604)
  await clock.advance(1_000)
  await expect(current.digest()).rejects.toMatchObject({ code: 'TOKEN_UNUSABLE' })
  await rm(place.path)
  await expect(current.digest()).rejects.toMatchObject({ code: 'TOKEN_UNUSABLE' })
  await ensureToken(place, { random })
  expect((await current.digest()).equals(second)).toBe(false)
})
