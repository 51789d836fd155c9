import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom, systemRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Sessions, sessionMs, sessionsMax } from './sessions.ts'

const token = Buffer.from('token')
const dependencies = (clock = new FakeClock()) => ({
  clock,
  random: seededRandom('sessions'),
  log: silentLog,
})

test('a session lasts across a restart until it is closed, for good', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'sessions.json')
  const first = await Sessions.open(path, dependencies())
  const id = await first.open(token)
  expect(first.isOpen(id, token)).toBe(true)
  expect(first.isOpen(id, Buffer.from('another'))).toBe(false)
  expect(first.isOpen('', token)).toBe(false)
  expect(await readFile(path, 'utf8')).not.toContain(id)
  const second = await Sessions.open(path, dependencies())
  expect(second.isOpen(id, token)).toBe(true)
  await second.close(id)
  await second.close(id)
  expect(second.isOpen(id, token)).toBe(false)
  const third = await Sessions.open(path, dependencies())
  expect(third.isOpen(id, token)).toBe(false)
})

test('a session ends after its time, and the oldest one beyond the bound', async () => {
  await using folder = await temporaryFolder()
  const clock = new FakeClock()
  const path = join(folder.path, 'sessions.json')
  const before = await Sessions.open(path, dependencies(clock))
  const oldest = await before.open(token)
  const second = await before.open(token)
  const saved = JSON.parse(await readFile(path, 'utf8')) as object[]
  while (saved.length < sessionsMax) saved.push({ ...saved[1], id: `another ${saved.length}` })
  await writeFile(path, JSON.stringify(saved))
  const sessions = await Sessions.open(path, { ...dependencies(clock), random: systemRandom })
  expect(sessions.isOpen(oldest, token)).toBe(true)
  await sessions.open(token)
  expect(sessions.isOpen(oldest, token)).toBe(false)
  expect(sessions.isOpen(second, token)).toBe(true)
  await clock.advance(sessionMs)
  expect(sessions.isOpen(second, token)).toBe(false)
})

test('a session that cannot be saved lasts until the peer stops', async () => {
  await using folder = await temporaryFolder()
  const sessions = await Sessions.open(join(folder.path, '\0'), dependencies())
  const id = await sessions.open(token)
  expect(sessions.isOpen(id, token)).toBe(true)
})
