/** One file of many becomes unreadable: it delays no other, and all peers are told. */
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { allProblems } from '../../peer/api/pages.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'
import { withoutOverride } from './without-override.ts'

const fileCount = 300
const bad = '137.txt'

async function why({ apiUrl }: TandemProcess): Promise<string> {
  return (await runTandem(['why', bad, '--api', apiUrl.origin])).stdout
}

test('one unreadable file among 300 delays no other and is named everywhere', async ({ skip }) => {
  const host = await withoutOverride()
  if (host === undefined) return skip('root cannot give up its powers here: setpriv is missing')
  await using cluster = await startCluster({
    peers: 1,
    settings: quickSettings,
    hosts: Array.from({ length: 3 }, () => host),
    prepare: async (peerId, shared) => {
      if (peerId !== 'peer1') return
      for (let index = 0; index < fileCount; index++)
        await aFile(shared, `${index}.txt`, { bytes: 100, seed: `${index}` })
    },
  })
  const owner = cluster.peer(1)
  using api = apiOf(owner)
  const status = async (): Promise<unknown> => await api.status()
  await expect.poll(status, { timeout: 10_000 }).toMatchObject({ contents: fileCount })
  const path = join(owner.dataFolder, 'shared', bad)
  await chmod(path, 0)
  const other = await cluster.startPeer()
  // Long before a failed copy is retried, which is after 10 s at the earliest.
  await expect
    .poll(status, { timeout: 8_000 })
    .toMatchObject({ atFactor: fileCount - 1, belowFactor: 1 })

  await expect
    .poll(async () => await allProblems(api), { timeout: 5_000 })
    .toMatchObject({ total: 1, problems: [{ code: 'FILE_NOT_READABLE', path, name: bad }] })
  expect(await status()).toMatchObject({ peer: { problems: 1 } })
  const health = await fetch(new URL('/healthz', owner.apiUrl))
  expect(health.status).toBe(200)
  expect(await health.json()).toMatchObject({ status: 'ok', index: 'connected', problems: 1 })
  expect(await why(owner)).toContain(
    `'shared/${bad}' is not shared: the peer may not read it (EACCES).`,
  )
  for (const asked of [owner, other])
    await expect
      .poll(async () => await why(asked), { timeout: 5_000 })
      .toContain('no peer has a readable copy: the file is missing, unreadable or damaged at peer1')

  await chmod(path, 0o644)
  await expect.poll(status, { timeout: 5_000 }).toMatchObject({ peer: { problems: 0 } })
  const holders = async (): Promise<string[]> =>
    (await api.lookup({ name: bad })).files.flatMap(({ sources }) =>
      sources.map(({ peerId }) => peerId),
    )
  await expect.poll(holders, { timeout: 5_000 }).toContain('peer1')

  await cluster.index.kill('SIGKILL')
  await expect
    .poll(async () => await (await fetch(new URL('/healthz', owner.apiUrl))).json(), {
      timeout: 5_000,
    })
    .toMatchObject({ status: 'degraded', reasons: [{ code: 'INDEX_AWAY' }] })
})
