/** A download of a large file that is held in its middle, for as long as a test needs. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import type { Download } from '../../peer/api/download-shapes.ts'
import { readsPerSourceMax } from '../../peer/fetch/transfer/chunk-plan.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { type Gate, startGatedPeer } from './gate.ts'
import { quickSettings } from './quick-settings.ts'
import type { TandemProcess } from './tandem-process.ts'

export const name = 'large.bin'
/** Bytes requested from one source that it may not have sent: chunks of this file have 1 MiB. */
export const inFlightBytesMax = readsPerSourceMax * 2 ** 20

export interface GatedWorld extends AsyncDisposable {
  readonly cluster: Cluster
  readonly source: TandemProcess
  /** In front of peer1. */
  readonly gate: Gate
  /** The gate in front of the given peer. */
  readonly gateOf: (peer: TandemProcess) => Gate
  readonly file: { readonly path: string; readonly sha256: string }
}

/** peer1 with a large file, and `others` without; each behind a gate. */
export async function startGated({
  others,
  factor,
  bytes,
}: {
  others: number
  factor: number
  bytes: number
}): Promise<GatedWorld> {
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startCluster({ peers: 0, factor, settings: quickSettings }))
  const gates = new Map<TandemProcess, Gate>()
  const startPeer = async (number: number): Promise<[TandemProcess, Gate]> => {
    const { peer, gate } = await startGatedPeer(cluster, `peer${number}`)
    gates.set(peer, gate)
    return [peer, gate]
  }
  const [source, gate] = await startPeer(1)
  for (let number = 2; number <= others + 1; number++) await startPeer(number)
  const file = await aFile(join(source.dataFolder, 'shared'), name, { bytes })
  using api = apiOf(source)
  await expect.poll(() => api.status()).toMatchObject({ contents: 1, belowFactor: 0 })
  const gateOf = (peer: TandemProcess): Gate => {
    const found = gates.get(peer)
    assert(found !== undefined)
    return found
  }
  const stack = starting.move()
  return { cluster, source, gate, gateOf, file, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Peers that all have one large file, each behind a gate, and an empty `downloader`. */
export interface SourcesWorld extends AsyncDisposable {
  readonly cluster: Cluster
  readonly sources: readonly { readonly peer: TandemProcess; readonly gate: Gate }[]
  readonly downloader: TandemProcess
  readonly sha256: string
}

export async function startSources(count: number, bytes: number): Promise<SourcesWorld> {
  let sha256 = ''
  const prepare = async (peerId: string, folder: string): Promise<void> => {
    if (peerId !== 'downloader') ({ sha256 } = await aFile(folder, name, { bytes }))
  }
  await using starting = new AsyncDisposableStack()
  const options = { peers: 0, factor: 1, settings: quickSettings, prepare }
  const cluster = starting.use(await startCluster(options))
  const sources: { peer: TandemProcess; gate: Gate }[] = []
  while (sources.length < count) {
    sources.push(await startGatedPeer(cluster, `peer${sources.length + 1}`))
  }
  const downloader = await cluster.startPeer('downloader')
  using api = apiOf(downloader)
  const found = { files: [{ sources: sources.map(() => ({})) }] }
  await expect.poll(() => api.lookup({ name })).toMatchObject(found)
  const stack = starting.move()
  return { cluster, sources, downloader, sha256, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/**
 * Starts a download of the large file, lets each source send `passedBytes` of it, and holds back
 * the rest.
 */
export async function startDownloadHeldBy(
  { sources, downloader }: SourcesWorld,
  passedBytes: number,
): Promise<string> {
  for (const { gate } of sources) gate.closeAfter(passedBytes)
  using api = apiOf(downloader)
  const { id } = await api.startDownload({ name })
  await Promise.all(sources.map(({ gate }) => gate.blocked))
  return id
}

/**
 * A download of the large file through `peer`, of which about `passedBytes` have arrived and the
 * rest is held back.
 */
export async function startHeldDownload(
  peer: TandemProcess,
  gate: Gate,
  passedBytes: number,
): Promise<Download> {
  using api = apiOf(peer)
  gate.closeAfter(passedBytes)
  const { id } = await api.startDownload({ name })
  return await heldDownload(peer, gate, { id, passedBytes })
}

/** The same for a download that was started before. */
export async function heldDownload(
  peer: TandemProcess,
  gate: Gate,
  { id, passedBytes }: { id: string; passedBytes: number },
): Promise<Download> {
  using api = apiOf(peer)
  await gate.blocked
  await expect
    .poll(async () => (await api.download({ id, waitMs: 0 })).bytes)
    .toBeGreaterThan(Math.max(0, passedBytes - inFlightBytesMax))
  const download = await api.download({ id, waitMs: 0 })
  expect(download.state).toBe('running')
  expect(download.bytes).toBeLessThan(download.size)
  return download
}

export async function endOf(peer: TandemProcess, { id }: Pick<Download, 'id'>): Promise<Download> {
  using api = apiOf(peer)
  return await api.download({ id, waitMs: 30_000 })
}

/** The user-visible folder of a peer, and its unfinished files. */
export async function leftBehind({
  dataFolder,
}: TandemProcess): Promise<{ downloaded: string[]; unfinished: string[] }> {
  const list = async (folder: string): Promise<string[]> => await readdir(join(dataFolder, folder))
  return {
    downloaded: await list('downloaded'),
    unfinished: [...(await list('.tandem/partial')), ...(await list('.tandem/incoming'))],
  }
}
