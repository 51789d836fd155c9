import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'

const clients = 100

test('100 concurrent clients look up and download a common file and their own, and all receive them', async () => {
  const own: FileFixture[] = []
  await using cluster = await startCluster({
    peers: 3,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId !== 'peer1') return
      for (let i = 0; i < clients; i++)
        own.push(await aFile(folder, `own/${i}.bin`, { bytes: 1_000 + 997 * i }))
      await aFile(folder, 'common.bin', { bytes: 3 * 2 ** 20 + 1 })
    },
  })
  using api = apiOf(cluster.peer(1))
  await expect.poll(() => api.status()).toMatchObject({ contents: clients + 1, belowFactor: 0 })
  const common = await aFile(join(cluster.folder, 'original'), 'common.bin', {
    bytes: 3 * 2 ** 20 + 1,
  })

  const results = await Promise.all(
    own.map(async ({ name, sha256 }, client) => {
      const peer = cluster.peer(2 + (client % 2))
      using connection = apiOf(peer)
      const { files } = await connection.lookup({ name })
      const mine = await downloadAndHash(peer, { name })
      const same = await downloadAndHash(peer, { name: common.name })
      return {
        client,
        found: files[0]?.sha256,
        mine: mine.sha256OnDisk,
        same: same.sha256OnDisk,
        sha256,
      }
    }),
  )
  for (const { client, found, mine, same, sha256 } of results)
    expect([found, mine, same], `client ${client}`).toEqual([sha256, sha256, common.sha256])
})
