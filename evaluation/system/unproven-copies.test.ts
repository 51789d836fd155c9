/** A peer that claims copies it does not have does not let the cluster look safe. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { contentOf } from '../../common/testing/contents.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { claiming, type HostilePeer, startHostilePeer } from './hostile-peer.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'

const name = 'contract.pdf'
const bytes = 3 * 2 ** 20 + 1

/** It claims a replica of peer1's file, and proves that it has other bytes of that size. */
async function startLiar(cluster: Cluster): Promise<HostilePeer> {
  using api = apiOf(cluster.peer(1))
  await expect.poll(async () => (await api.search({ q: name, limit: 1 })).files).toHaveLength(1)
  const [found] = (await api.lookup({ name })).files
  const lie = contentOf(seededRandom('lie').bytes(bytes))
  const { port: indexPort } = cluster.index
  const liar = await startHostilePeer({ peerId: 'liar', indexPort }, lie, claiming(lie))
  const { sha256 = '', size = 0, chunkRoot = '' } = found ?? {}
  const replica = { op: 'put', kind: 'replicated', owner: 'peer1', name, modifiedMs: 1 }
  expect(await liar.announce({ ...replica, sha256, size, chunkRoot })).toHaveProperty('body')
  return liar
}

test('its copies are made elsewhere, are named, and count neither later nor after a restart of the index', async () => {
  const index = { ...quickSettings.index, proofMs: 2_000 }
  await using cluster = await startCluster({ peers: 1, settings: { ...quickSettings, index } })
  await aFile(join(cluster.peer(1).dataFolder, 'shared'), name, { bytes })
  using api = apiOf(cluster.peer(1))
  const liar = await startLiar(cluster)
  const unproven = { copies: 1, peers: 1, distrusted: 0 }
  await expect.poll(() => api.status()).toMatchObject({ belowFactor: 1, unproven })
  const reason = 'liar has not proven that it has its copy, which does not count until it does'
  await expect.poll(async () => (await api.why({ name })).contents[0]?.missing).toContain(reason)

  await liar[Symbol.asyncDispose]()
  await cluster.index.restart()
  await using again = await startLiar(cluster)
  await expect.poll(() => api.status()).toMatchObject({ belowFactor: 1, unproven })
  await cluster.startPeer()
  await expect.poll(() => api.status()).toMatchObject({ belowFactor: 0, unproven })
  await again.request('heartbeat', { freeBytes: 0 })
  expect((await api.why({ name })).contents[0]?.copies).toMatchObject([
    { peerId: 'peer1', kind: 'shared' },
    { peerId: 'liar', kind: 'replicated', unproven: true },
    { peerId: 'peer2', kind: 'replicated' },
  ])
  const [, peer2] = cluster.peers
  const held = (await api.why({ name })).contents[0]?.copies ?? []
  expect(held.filter(({ unproven: isUnproven }) => isUnproven !== true)).toHaveLength(2)
  expect(peer2?.name).toBe('peer2')

  const told = async (...args: string[]): Promise<string> =>
    (await runTandem([...args, '--api', cluster.peer(1).apiUrl.origin])).stdout
  expect(await told('status')).toContain('1 copy of 1 peer, not counted until proven')
  expect(await told('why', name)).toContain('liar, replicated (live), not proven')
  expect(await told('events', '--security')).toContain('liar has not proven that it has')
})
