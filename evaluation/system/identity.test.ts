/** Copies of a data folder, and a catalog restored from a backup, with real processes. */
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

function linesOf({ output }: TandemProcess, text: string): string[] {
  return output.filter((line) => line.includes(text))
}

test('a copy of a data folder is refused, disturbs nothing, and may have its own id', async () => {
  await using cluster = await startCluster({
    peers: 2,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId === 'peer1') for (const name of ['a', 'b']) await aFile(folder, name)
    },
  })
  const [original, other] = [cluster.peer(1), cluster.peer(2)]
  using api = apiOf(other)
  await expect.poll(() => api.status()).toMatchObject({ contents: 2, belowFactor: 0 })

  const dataFolder = join(cluster.folder, 'copy')
  await cp(original.dataFolder, dataFolder, { recursive: true, preserveTimestamps: true })
  await aFile(join(dataFolder, 'shared'), 'only in the copy')
  const copy = await cluster.startPeer('peer1', { dataFolder })
  await expect
    .poll(() => linesOf(copy, 'PEER_ID_TAKEN'))
    .toEqual([expect.stringContaining('--adopt --peer ID --data FOLDER')])
  await expect.poll(() => linesOf(copy, 'first scan has ended')).toHaveLength(1)
  await aFile(join(original.dataFolder, 'shared'), 'later')
  await expect.poll(() => api.status()).toMatchObject({ contents: 3, belowFactor: 0 })
  expect(linesOf(original, 'registered at the index')).toHaveLength(1)
  expect(linesOf(copy, 'registered at the index')).toHaveLength(0)

  // After a kill the original gets its id back immediately, while the copy keeps trying.
  await original.kill('SIGKILL')
  await original.start()
  await expect.poll(() => linesOf(original, 'registered at the index')).toHaveLength(2)
  await copy.kill('SIGKILL')

  await cluster.startPeer('peer9', { dataFolder, flags: ['--adopt'] })
  await expect
    .poll(() => api.lookup({ name: 'only in the copy' }))
    .toMatchObject({ files: [{ size: 1024 }] })
  expect(linesOf(original, 'PEER_ID_TAKEN')).toEqual([])
})

test('a data folder keeps its peer, in whatever container and under whatever default id it is started', async () => {
  await using cluster = await startCluster({
    peers: 1,
    factor: 1,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId === 'first') await aFile(folder, 'a')
    },
  })
  using api = apiOf(cluster.peer(1))
  const peers = async (): Promise<string[]> =>
    (await allPeers(api)).map(({ peerId, state }) => `${peerId} ${state}`)
  const own = `peer-${hostname()}`
  const first = await cluster.startPeer('first', { isNamed: false, flags: ['--id-from-host'] })
  await expect.poll(peers).toEqual([`${own} live`, 'peer1 live'])
  await first.kill('SIGTERM')

  // As if it had been recorded by a container with another host name.
  await writeFile(join(first.dataFolder, '.tandem/peer-id'), 'peer-ab12\n')
  await first.start()
  await expect.poll(peers).toEqual(['peer-ab12 live', expect.stringContaining(own), 'peer1 live'])
  await first.kill('SIGTERM')

  const { dataFolder } = first
  const refused = cluster.startPeer('peer9', { dataFolder })
  await expect(refused).rejects.toThrow(/belongs to peer-ab12, not to peer9.*--adopt/)
  await cluster.startPeer('peer9', { dataFolder, flags: ['--adopt'] })
  await expect.poll(async () => (await peers()).includes('peer9 live')).toBe(true)
  expect(await readFile(join(dataFolder, '.tandem/peer-id'), 'utf8')).toBe('peer9\n')
})

test('the id of an absent peer stays reserved until it is released', async () => {
  await using cluster = await startCluster({
    peers: 2,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId === 'peer1') await aFile(folder, 'a')
    },
  })
  const owner = cluster.peer(1)
  using api = apiOf(cluster.peer(2))
  await expect.poll(() => api.status()).toMatchObject({ contents: 1, belowFactor: 0 })
  await owner.kill('SIGKILL')
  // Like an attacker, and like the owner with a new disk.
  const dataFolder = join(cluster.folder, 'new disk')
  const stranger = await cluster.startPeer('peer1', { dataFolder })
  await expect.poll(() => linesOf(stranger, 'PEER_ID_BOUND')).toHaveLength(1)
  const release = ['index', 'release', 'peer1', '--data', cluster.index.dataFolder]
  expect(await runTandem(release)).toMatchObject({ code: 0 })
  await stranger.restart()
  await expect.poll(() => linesOf(stranger, 'registered at the index')).toHaveLength(1)
  await expect.poll(() => api.lookup({ name: 'a' })).toMatchObject({ files: [{ size: 1024 }] })
})

test('a peer that others cannot reach does not count, says so, and recovers', async () => {
  await using cluster = await startCluster({
    peers: 1,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId === 'peer1') await aFile(folder, 'a')
    },
  })
  using api = apiOf(cluster.peer(1))
  await expect.poll(() => api.status()).toMatchObject({ contents: 1, belowFactor: 1 })
  // It listens on 127.0.0.1 only.
  const lost = await cluster.startPeer('peer2', { flags: ['--advertise-host', '127.0.0.2'] })
  using lostApi = apiOf(lost)
  await expect
    .poll(() => lostApi.status())
    .toMatchObject({
      peers: { live: 1, unreachable: 1 },
      belowFactor: 1,
      peer: { unreachable: { remedy: expect.stringContaining('--advertise-host') as string } },
    })
  expect(linesOf(lost, '--advertise-host')).toHaveLength(1)
  await expect.poll(() => allPeers(api)).toMatchObject([{}, { state: 'unreachable' }])
  await lost.kill('SIGTERM')

  await cluster.startPeer('peer2', { dataFolder: lost.dataFolder })
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 2 }, belowFactor: 0 })
})

test('a catalog that is restored from an older copy is announced as it is', async () => {
  await using cluster = await startCluster({
    peers: 2,
    factor: 1,
    settings: quickSettings,
    prepare: async (peerId, folder) => {
      if (peerId === 'peer1') await aFile(folder, 'old')
    },
  })
  const peer = cluster.peer(1)
  using api = apiOf(cluster.peer(2))
  await expect
    .poll(() => api.search({ q: '', limit: 10 }))
    .toMatchObject({ files: [{ name: 'old' }] })
  const backup = join(cluster.folder, 'backup')
  await peer.kill('SIGTERM')
  await cp(peer.dataFolder, backup, { recursive: true, preserveTimestamps: true })
  await peer.start()
  const shared = join(peer.dataFolder, 'shared')
  for (const name of ['lost 1', 'lost 2', 'lost 3']) await aFile(shared, name)
  await expect.poll(async () => (await api.search({ q: 'lost', limit: 10 })).files.length).toBe(3)

  await peer.kill('SIGKILL')
  await rm(peer.dataFolder, { recursive: true })
  await cp(backup, peer.dataFolder, { recursive: true, preserveTimestamps: true })
  await aFile(shared, 'new')
  await peer.start()
  const copiesOf = async (): Promise<Record<string, number>> => {
    const { files } = await api.search({ q: '', limit: 10 })
    return Object.fromEntries(files.map(({ name, copies }) => [name, copies]))
  }
  await expect.poll(copiesOf).toEqual({ 'lost 1': 0, 'lost 2': 0, 'lost 3': 0, new: 1, old: 1 })
})
