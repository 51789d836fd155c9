/** The sending peer is killed in the middle of a download. For its return see resume.test.ts. */
import assert from 'node:assert/strict'
import { expect, test } from 'vitest'
import { fetchWindowBytes } from '../../peer/fetch/transfer/chunk-plan.ts'
import { apiOf, type Cluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { endOf, name, startGated, startHeldDownload } from './held-download.ts'
import { readMetric } from './read-metric.ts'
import type { TandemProcess } from './tandem-process.ts'

const bytes = 32 * 2 ** 20
/** The middle of the transfer, where it is held. */
const passedBytes = 10 * 2 ** 20

/** Of peer2 and peer3, the one with a replica and the one without. */
async function keeperAndStranger(cluster: Cluster): Promise<[TandemProcess, TandemProcess]> {
  using api = apiOf(cluster.peer(1))
  const { files } = await api.lookup({ name })
  const keepers = files.flatMap(({ sources }) => sources.map(({ peerId }) => peerId))
  const isKeeper = (peer: TandemProcess): boolean => keepers.includes(peer.name)
  const others = [cluster.peer(2), cluster.peer(3)]
  const keeper = others.find(isKeeper)
  const stranger = others.find((peer) => !isKeeper(peer))
  assert(keeper !== undefined && stranger !== undefined)
  return [keeper, stranger]
}

test('a source that is killed is replaced by another, and what had come is kept', async () => {
  await using world = await startGated({ others: 2, factor: 2, bytes })
  const { cluster, source, gate, gateOf, file } = world
  const [keeper, stranger] = await keeperAndStranger(cluster)
  // Otherwise the replica alone may have sent all of it before the source was killed.
  gateOf(keeper).closeAfter(passedBytes)
  const before = await readMetric(stranger, 'tandem_peer_received_bytes_total')
  const download = await startHeldDownload(stranger, gate, passedBytes)
  await source.kill('SIGKILL')
  gateOf(keeper).open()

  const ended = await endOf(stranger, download)
  expect(ended).toMatchObject({ state: 'done', result: { sha256: file.sha256, bytes } })
  expect(ended.result?.sources).toHaveLength(2)
  const received = (await readMetric(stranger, 'tandem_peer_received_bytes_total')) - before
  expect(received).toBeLessThan(bytes + fetchWindowBytes + 2 ** 20)
  expect(await downloadAndHash(stranger, { name })).toMatchObject({ sha256OnDisk: file.sha256 })

  await source.start()
  gate.open()
  using api = apiOf(source)
  await expect.poll(() => api.status()).toMatchObject({ peers: { live: 3 }, belowFactor: 0 })
  expect((await api.list({ kind: 'shared', limit: 10 })).files).toMatchObject([{ name }])
  const sources = (await api.lookup({ name })).files[0]?.sources.map(({ peerId }) => peerId)
  expect(sources).toContain('peer1')
})

test('a download with --no-wait fails without a source and says why', async () => {
  await using world = await startGated({ others: 1, factor: 1, bytes })
  const { cluster, source, gate } = world
  using api = apiOf(cluster.peer(2))
  gate.closeAfter(passedBytes)
  const { id } = await api.startDownload({ name, wait: false })
  await gate.blocked
  await source.kill('SIGKILL')
  const { state, error } = await api.download({ id, waitMs: 30_000 })
  expect([state, error?.code, error?.retryable]).toEqual(['failed', 'NO_SOURCE', true])
  expect(error?.message).toContain('peer1 @ 127.0.0.2')
})
