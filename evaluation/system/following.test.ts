/**
 * A peer follows a pattern of what another one shares. It is killed in the middle and started again; its
 * user changes one file and removes another; new versions and files appear. In the end each file is what
 * its user left, or what the cluster has.
 */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

const files = 40

test('a pattern is followed across a crash, new versions, and changes of a user', async () => {
  await using cluster = await startCluster({
    peers: 2,
    factor: 1,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId !== 'peer1') return
      for (let file = 0; file < files; file++)
        await aFile(folder, `photos/${file}.jpg`, { bytes: 30_000 })
      await aFile(folder, 'other.bin', { bytes: 1_000 })
    },
  })
  const [owner, follower] = [cluster.peer(1), cluster.peer(2)]
  const shared = (name: string): string => join(owner.dataFolder, 'shared/photos', name)
  const downloaded = (name: string): string => join(follower.dataFolder, 'downloaded/photos', name)
  const follow = ['follow', 'photos/**', '--api', follower.apiUrl.href]
  expect(await runTandem(follow)).toMatchObject({ code: 0 })
  const namesHere = async (): Promise<string[]> =>
    await readdir(join(follower.dataFolder, 'downloaded/photos')).catch(() => [])
  await expect.poll(async () => (await namesHere()).length).toBeGreaterThan(0)
  await follower.kill('SIGKILL')
  await follower.start()
  using api = apiOf(follower)
  const counts = async () => (await api.followed()).followed[0]
  await expect.poll(counts).toMatchObject({ isListed: true, files, held: files, waiting: 0 })

  await writeFile(downloaded('1.jpg'), 'edited by the user')
  await rm(downloaded('2.jpg'))
  await expect.poll(counts).toMatchObject({ files, held: files - 2, kept: 2 })
  await follower.restart()
  for (const name of ['0.jpg', '1.jpg', '2.jpg']) await writeFile(shared(name), `new ${name}`)
  await writeFile(shared('new.jpg'), 'a new file')
  await expect.poll(async () => await readFile(downloaded('0.jpg'), 'utf8')).toBe('new 0.jpg')
  await expect.poll(async () => (await namesHere()).includes('new.jpg')).toBe(true)
  await expect.poll(counts).toMatchObject({ files: files + 1, held: files - 1, kept: 2, failed: 0 })
  expect(await readFile(downloaded('1.jpg'), 'utf8')).toBe('edited by the user')
  const expected = Array.from({ length: files }, (_, file) => `${file}.jpg`)
  const left = [...expected, 'new.jpg'].filter((name) => name !== '2.jpg')
  expect((await namesHere()).toSorted()).toEqual(left.toSorted())
  expect(await readdir(join(follower.dataFolder, 'downloaded'))).toEqual(['photos'])
})

test('a peer fetches a few files by itself after its start', async () => {
  await using cluster = await startCluster({ peers: 1, factor: 1, settings: quickSettings })
  const fetching = await cluster.startPeer('peer2', { flags: ['--auto-fetch', '3'] })
  using api = apiOf(fetching)
  // The cluster has none yet.
  expect((await api.downloads({ limit: 9 })).downloads).toEqual([])
  for (let file = 0; file < 5; file++)
    await aFile(join(cluster.peer(1).dataFolder, 'shared'), `${file}.bin`, { bytes: 9_000 })
  const done = async () => {
    const { downloads } = await api.downloads({ limit: 9 })
    return downloads.map(({ state, startedBy }) => `${startedBy} ${state}`)
  }
  await expect.poll(done).toEqual(Array.from({ length: 3 }, () => 'auto-fetch done'))
  expect(await readdir(join(fetching.dataFolder, 'downloaded'))).toHaveLength(3)
})
