/** Peers that download the same file at the same time. */
import { expect, test } from 'vitest'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { endOf, name, startGated, startHeldDownload } from './held-download.ts'
import { readMetric } from './read-metric.ts'

const bytes = 32 * 2 ** 20

/**
 * The only source is held in the middle of a download. Whatever a second downloader gets then, it has
 * from the first; when the source goes on, both get the rest.
 */
test('a peer that is downloading serves the chunks that it has', async () => {
  await using world = await startGated({ others: 2, factor: 1, bytes })
  const { cluster, gate, file } = world
  const [first, second] = [cluster.peer(2), cluster.peer(3)]
  const held = await startHeldDownload(first, gate, bytes / 2)
  using api = apiOf(second)
  const { id } = await api.startDownload({ name })
  await expect.poll(async () => (await api.download(id, 0)).bytes).toBeGreaterThan(bytes / 4)
  expect(await readMetric(first, 'tandem_peer_sent_bytes_total')).toBeGreaterThan(bytes / 4)
  // Who looks the file up is told of those that have it.
  expect((await api.lookup(name)).files[0]?.sources).toMatchObject([{ peerId: 'peer1' }])

  gate.open()
  for (const download of [await endOf(first, held), await endOf(second, { id })])
    expect(download).toMatchObject({ state: 'done', result: { sha256: file.sha256, bytes } })
  for (const peer of [first, second])
    expect(await downloadAndHash(peer, { name })).toMatchObject({ sha256OnDisk: file.sha256 })
})
