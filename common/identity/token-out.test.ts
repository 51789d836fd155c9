import { mkdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Address } from '../protocol/transport.ts'
import { systemRandom } from '../random.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { type JoinToken, parseJoinToken } from './join-token.ts'
import { keepTokenFile } from './token-out.ts'

const index = { host: 'index', port: 7_000 }
const hourMs = 3_600_000

/** Runs an authority that keeps the token of admins in a file, until the test ends. */
async function keeping() {
  const clock = new FakeClock()
  const cluster = await TestCluster.create({ clock })
  const path = join(cluster.folder, 'tokens/admins')
  const stop = new AbortController()
  const running: Promise<void>[] = []
  onTestFinished(async () => {
    stop.abort()
    await Promise.all(running)
    await cluster[Symbol.asyncDispose]()
  })
  const token = async (): Promise<JoinToken | undefined> =>
    parseJoinToken(await readFile(path, 'utf8').catch(() => ''))
  return {
    clock,
    cluster,
    path,
    token,
    start(address: Address = index): void {
      const dependencies = { clock, random: systemRandom, log: silentLog, signal: stop.signal }
      running.push(keepTokenFile({ path, role: 'admin', address }, cluster.authority, dependencies))
    },
    /** The token once it is another one than `before`, after some looks. */
    async next(before?: JoinToken): Promise<JoinToken> {
      return await vi.waitFor(async () => {
        await clock.advance(10_000)
        const found = await token()
        if (found === undefined || found.secret === before?.secret) throw new Error('not yet')
        return found
      })
    },
  }
}

test('a token for its role is in the file, which only its owner may read', async () => {
  const given = await keeping()
  given.start()
  const token = await given.next()
  expect(token).toMatchObject({ address: index, authority: given.cluster.authority.digest })
  expect(given.cluster.authority.tokens.list()).toMatchObject([{ role: 'admin' }])
  expect((await stat(given.path)).mode & 0o777).toBe(0o600)
})

test('while the file cannot be written, the same token waits for it', async () => {
  const given = await keeping()
  const { clock, cluster, path } = given
  // A folder is in its place.
  await mkdir(path, { recursive: true })
  given.start()
  const { tokens } = cluster.authority
  await vi.waitFor(() => expect(tokens.list()).toHaveLength(1))
  for (let retries = 0; retries < 20; retries += 1) {
    await clock.advance(300_000)
    await readFile(path).catch(() => {})
  }
  expect(tokens.list()).toHaveLength(1)
  await rmdir(path)
  expect(tokens.isValidFor((await given.next()).secret, hourMs)).toBe(true)
  expect(tokens.list()).toHaveLength(1)
})

test('it is replaced after half of its time, or when it is damaged or leads elsewhere', async () => {
  const given = await keeping()
  given.start()
  const first = await given.next()
  await given.clock.advance(11 * hourMs)
  expect((await given.token())?.secret).toBe(first.secret)
  await given.clock.advance(2 * hourMs)
  const second = await given.next(first)
  await writeFile(given.path, 'damaged')
  const third = await given.next(second)
  given.start({ host: 'elsewhere', port: 7_000 })
  expect((await given.next(third)).address.host).toBe('elsewhere')
})
