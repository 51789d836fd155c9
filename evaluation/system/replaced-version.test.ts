/** An edit does not destroy the last good copy: the old content stays until the new one is safe. */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { allVersions } from '../../peer/api/pages.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

test('the replica of the old content outlives a slow edit and its owner, and can be fetched', async () => {
  await using cluster = await startCluster({ peers: 3, settings: quickSettings })
  const owner = cluster.peer(1)
  const outside = await aFile(cluster.folder, 'thesis.txt', { bytes: 100_000 })
  const { name, path, sha256 } = outside
  const pushed = await runTandem(['push', path, '--wait', '--api', owner.apiUrl.origin])
  expect(pushed, pushed.stderr).toMatchObject({ code: 0 })
  const words = ['limits', 'set', 'upload', '200KB/s', '--api', owner.apiUrl.origin]
  const limited = await runTandem(words)
  expect(limited.code, limited.stderr).toBe(0)
  const edited = await aFile(cluster.folder, 'edited', { bytes: 30_000_000 })
  await rename(edited.path, join(owner.dataFolder, 'shared', name))

  using api = apiOf(cluster.peer(2))
  const versions = async (): Promise<unknown> =>
    (await allVersions(api, { name })).versions.map((version) => [
      version.sha256,
      version.state,
      version.copies,
    ])
  await expect.poll(versions).toEqual([
    [edited.sha256, 'current', 1],
    [sha256, 'replaced', 1],
  ])
  // The copy of the new content has started, and takes minutes.
  await expect.poll(async () => (await api.status()).tasks.running).toBe(1)
  await owner.kill('SIGKILL')

  const listed = await runTandem(['versions', name, '--api', cluster.peer(3).apiUrl.origin])
  expect(listed.stdout).toContain(sha256)
  expect(listed.stdout).toContain('the current version has its copies')
  for (const peer of cluster.peers.slice(1)) {
    const words = ['download', name, '--sha256', sha256, '--api', peer.apiUrl.origin]
    const { code, stderr } = await runTandem(words)
    expect(code, stderr).toBe(0)
    expect(await readFile(join(peer.dataFolder, 'downloaded', name))).toEqual(await readFile(path))
  }
  const target = join(cluster.folder, 'fetched without a peer')
  const direct = ['--index', `127.0.0.1:${cluster.index.port}`, '-o', target]
  const fetched = await runTandem(['download', name, '--sha256', sha256, ...direct])
  expect(fetched.code, fetched.stderr).toBe(0)
  expect(await readFile(target)).toEqual(await readFile(path))
})

test('a replaced version goes when the new one is safe and its time is over, across a kill of its holder', async () => {
  const index = { ...quickSettings.index, replacedMs: 4_000 }
  await using cluster = await startCluster({ peers: 2, settings: { ...quickSettings, index } })
  const [owner, holder] = [cluster.peer(1), cluster.peer(2)]
  const path = join(owner.dataFolder, 'shared', 'a.txt')
  using api = apiOf(owner)
  const states = async (): Promise<string[]> =>
    (await allVersions(api, { name: 'a.txt' }).catch(() => ({ versions: [] }))).versions.map(
      ({ state, copies }) => `${state} ${copies}`,
    )
  await writeFile(path, 'version 1')
  await expect.poll(states).toEqual(['current 2'])
  await writeFile(path, '')
  await expect.poll(states).toEqual(['current 2', 'replaced 1'])
  expect((await api.why({ name: 'a.txt' })).replacedVersions).toBe(1)
  await holder.kill('SIGKILL')
  await holder.start()
  await expect.poll(states).toEqual(['current 2', 'replaced 1'])
  await expect.poll(states, { timeout: 20_000 }).toEqual(['current 2'])
  expect(await readFile(join(holder.dataFolder, 'replicated/peer1/a.txt'), 'utf8')).toBe('')
})
