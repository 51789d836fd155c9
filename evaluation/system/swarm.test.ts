/** Peers that download the same file at the same time. */
import { expect, test } from 'vitest'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { endOf, name, startGated, startHeldDownload } from './held-download.ts'
import { RawConnection } from './raw-connection.ts'
import { readMetric } from './read-metric.ts'
import type { TandemProcess } from './tandem-process.ts'

const bytes = 32 * 2 ** 20
const chunks = [...Array(bytes / 2 ** 20).keys()]

/**
 * The only source is held in the middle of a download. What a second downloader receives then comes
 * from the first; when the source continues, both get the rest.
 */
test('a peer that is downloading serves the chunks that it has', async () => {
  await using world = await startGated({ others: 2, factor: 1, bytes })
  const { cluster, gate, file } = world
  const [first, second] = [cluster.peer(2), cluster.peer(3)]
  const held = await startHeldDownload(first, gate, bytes / 2)
  using api = apiOf(second)
  const { id } = await api.startDownload({ name })
  await expect
    .poll(async () => (await api.download({ id, waitMs: 0 })).bytes)
    .toBeGreaterThan(bytes / 4)
  expect(await readMetric(first, 'tandem_peer_sent_bytes_total')).toBeGreaterThan(bytes / 4)
  // Lookups list complete sources only.
  expect((await api.lookup({ name })).files[0]?.sources).toMatchObject([{ peerId: 'peer1' }])

  gate.open()
  for (const download of [await endOf(first, held), await endOf(second, { id })])
    expect(download).toMatchObject({ state: 'done', result: { sha256: file.sha256, bytes } })
  for (const peer of [first, second])
    expect(await downloadAndHash(peer, { name })).toMatchObject({ sha256OnDisk: file.sha256 })
})

/**
 * The source is slow, and the two receive almost nothing from each other until together they have
 * all of it: it has then sent each of them half. It is killed, and they have only each other.
 */
test('two peers that have all of a file together finish after the original was killed', async () => {
  await using world = await startGated({ others: 2, factor: 1, bytes })
  const { cluster, source, gate, gateOf, file } = world
  const both = [cluster.peer(2), cluster.peer(3)]
  for (const peer of both) gateOf(peer).closeAfter(0, { bytesPerMs: 100 })
  gate.closeAfter(0, { bytesPerMs: 8 * 1024 })
  const downloads = await Promise.all(
    both.map(async (peer) => {
      using api = apiOf(peer)
      return await api.startDownload({ name })
    }),
  )
  const missing = async (): Promise<number> => {
    const [one, other] = await Promise.all(both.map((peer) => chunksOf(peer, file.sha256)))
    return chunks.filter((chunk) => !one?.has(chunk) && !other?.has(chunk)).length
  }
  await expect.poll(missing).toBe(0)
  await source.kill('SIGKILL')
  for (const peer of both) {
    expect((await chunksOf(peer, file.sha256)).isFull).toBe(false)
    gateOf(peer).open()
  }
  const ends = await Promise.all(
    both.map(async (peer, place) => await endOf(peer, { id: downloads[place]?.id ?? '' })),
  )
  for (const end of ends)
    expect(end).toMatchObject({ state: 'done', result: { sha256: file.sha256, bytes } })
})

/** The chunks that a peer reports of a content that it is downloading. */
async function chunksOf(peer: TandemProcess, sha256: string): Promise<ChunkSet> {
  await using connection = await RawConnection.dial(peer.port)
  await connection.request('hello', { protocol: 'tandem/1', role: 'client' })
  const { body } = await connection.request('chunks', { sha256 })
  const bitmap = body?.['bitmap']
  if (typeof bitmap === 'string')
    return ChunkSet.fromBitmap(chunks.length, bitmap) ?? new ChunkSet(chunks.length)
  const all = new ChunkSet(chunks.length)
  // No bitmap means all chunks; before it begins the peer does not know the content.
  for (const chunk of body === undefined ? [] : chunks) all.add(chunk)
  return all
}
