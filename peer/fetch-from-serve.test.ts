/** The two halves of a transfer against each other: a fetcher, and peers that serve real files. */
import { appendFile, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashFile } from '../common/content/hash.ts'
import { limits } from '../common/limits.ts'
import { MemoryTransport } from '../common/protocol/memory-transport.ts'
import type { Source } from '../common/protocol/messages.ts'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { aFile } from '../common/testing/fixtures.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { ChunkThreads } from './fetch/disk/chunk-threads.ts'
import type { Fetched } from './fetch/fetch-run.ts'
import { Fetcher } from './fetch/fetcher.ts'
import { ConnectionPool } from './fetch/source/connection-pool.ts'
import { noLimits } from './limit/grant.ts'
import { TrafficGate } from './limit/traffic-gate.ts'
import type { ServedFile } from './serve/served-contents.ts'
import { startServing } from './serve/start-serving.ts'
import { SmallReader } from './share/small-reader.ts'

const mebibyte = 1024 * 1024

class World {
  readonly #dependencies = {
    clock: new FakeClock(),
    transport: new MemoryTransport(),
    log: silentLog,
    random: seededRandom('fetch'),
    onBlamed: () => {},
  }
  readonly uploads = new TrafficGate(noLimits, this.#dependencies)
  readonly downloads = new TrafficGate(noLimits, this.#dependencies)
  readonly rechecked: string[] = []
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async create(): Promise<World> {
    const folder = await temporaryFolder()
    onTestFinished(async () => await folder[Symbol.asyncDispose]())
    return new World(folder.path)
  }

  /** Lets time pass, no faster than the disk. */
  async advance(ms: number): Promise<void> {
    await this.#dependencies.clock.advance(ms)
    for (let turns = 0; turns < 5; turns += 1) await readdir(this.folder)
  }

  async fetcher(): Promise<Fetcher> {
    const pool = new ConnectionPool({ ownPeerId: 'me' }, this.#dependencies)
    onTestFinished(async () => await pool[Symbol.asyncDispose]())
    const workers = new ChunkThreads()
    onTestFinished(async () => await workers[Symbol.asyncDispose]())
    const partialFolder = join(this.folder, 'partial')
    const onReceived = this.downloads.pass.bind(this.downloads)
    return await Fetcher.open(
      { partialFolder },
      { pool, workers, onReceived, ...this.#dependencies },
    )
  }

  /** A peer that serves one file of so many bytes, the same for every peer. */
  async peer(peerId: string, bytes: number): Promise<{ source: Source; file: ServedFile }> {
    const { path, name } = await aFile(this.folder, `${peerId}.bin`, { bytes, seed: 'same' })
    const { content, chunkList, stat } = await hashFile(path)
    const file = { at: { name, path, root: this.folder }, content, stat }
    const contents = {
      first: (sha256: string) => (sha256 === content.sha256 ? file : undefined),
      find: (sha256: string) => (sha256 === content.sha256 ? [file] : []),
      isServed: () => true,
      chunkList: (sha256: string) => (sha256 === content.sha256 ? chunkList : undefined),
    }
    const recheck = (path: string): void => void this.rechecked.push(basename(path))
    const smallReader = new SmallReader({ ...this.#dependencies, catalog: contents, recheck })
    const serving = await startServing(
      { peerId, address: { host: peerId, port: 0 }, connectionsMax: () => 100 },
      {
        ...this.#dependencies,
        uploads: this.uploads,
        contents,
        downloads: { find: () => undefined },
        recheck,
        verify: () => {},
        smallReader,
      },
    )
    onTestFinished(async () => await serving[Symbol.asyncDispose]())
    return { source: { peerId, kind: 'shared', ...serving.address }, file }
  }
}

async function fetchFrom(
  fetcher: Fetcher,
  peers: readonly { source: Source; file: ServedFile }[],
  onChanged?: () => void,
): Promise<Fetched> {
  const [first] = peers
  if (first === undefined) throw new Error('a test needs a source')
  return await fetcher.fetch({
    content: first.file.content,
    name: 'file',
    sources: peers.map(({ source }) => source),
    signal: new AbortController().signal,
    onChanged,
  }).fetched
}

test.each([0, 1, 1024, mebibyte, mebibyte + 1, 3 * mebibyte, 33 * mebibyte + 5])(
  'a file of %i bytes arrives unchanged',
  async (bytes) => {
    const world = await World.create()
    const fetcher = await world.fetcher()
    const peer = await world.peer('p1', bytes)
    const fetched = await fetchFrom(fetcher, [peer])
    expect((await hashFile(fetched.partialPath)).content).toEqual(peer.file.content)
  },
)

test.each([
  // A sender cuts what it sends; a receiver takes what comes in one piece, and waits after it.
  ['uploads', 4_096],
  ['downloads', mebibyte],
] as const)(
  'a low limit of %s is respected, and nothing counts as stalled',
  async (limited, pieceBytes) => {
    const world = await World.create()
    const gate = world[limited]
    gate.setRates({ ...noLimits, all: limits.rateBytesPerSecondMin })
    const peer = await world.peer('p1', 4 * mebibyte)
    const fetching = fetchFrom(await world.fetcher(), [peer])
    let elapsedMs = 0
    while (gate.passedBytes.download < 2.5 * mebibyte) {
      await world.advance(500)
      elapsedMs += 500
      const allowed = (limits.rateBytesPerSecondMin * (elapsedMs + 100)) / 1000
      expect(gate.passedBytes.download).toBeLessThanOrEqual(allowed + pieceBytes)
    }
    gate.setRates(noLimits)
    const fetched = await fetching
    expect((await hashFile(fetched.partialPath)).content).toEqual(peer.file.content)
  },
)

test('a file that changed at the first source comes from the second', async () => {
  const world = await World.create()
  const fetcher = await world.fetcher()
  const peers = [await world.peer('p1', 3 * mebibyte), await world.peer('p2', 3 * mebibyte)]
  await appendFile(join(world.folder, 'p1.bin'), 'more')
  const fetched = await fetchFrom(fetcher, peers)
  expect(fetched.sources.map(({ peerId }) => peerId)).toEqual(['p2'])
  expect(world.rechecked).toContain('p1.bin')
})

test('a file that shrinks while it is fetched is completed from another source', async () => {
  const world = await World.create()
  const fetcher = await world.fetcher()
  const peers = [await world.peer('p1', 30 * mebibyte), await world.peer('p2', 30 * mebibyte)]
  let shrinking: Promise<void> | undefined
  const fetched = await fetchFrom(fetcher, peers, () => {
    shrinking ??= truncate(join(world.folder, 'p1.bin'), 100)
  })
  await shrinking
  const bytes = await readFile(fetched.partialPath)
  expect(bytes.equals(await readFile(join(world.folder, 'p2.bin')))).toBe(true)
  expect(fetched.sources.map(({ peerId }) => peerId)).toEqual(['p1', 'p2'])
})

test('when no source has the file, each is named', async () => {
  const world = await World.create()
  const fetcher = await world.fetcher()
  const peers = [await world.peer('p1', 10), await world.peer('p2', 10)]
  await rm(join(world.folder, 'p1.bin'))
  await appendFile(join(world.folder, 'p2.bin'), 'more')
  await expect(fetchFrom(fetcher, peers)).rejects.toThrow(
    /p1 @ p1:\d+ could not send chunk 0: There is no content .*; p2 @ p2:\d+ could not send chunk 0: 'p2\.bin' changed/,
  )
  expect(await readdir(join(world.folder, 'partial'))).toEqual([])
})

test.each(['uploads', 'downloads'] as const)(
  'under a limit of %s, small contents that wait for each other on a connection do not count as stalled',
  async (limited) => {
    const world = await World.create()
    const gate = world[limited]
    gate.setRates({ ...noLimits, all: limits.rateBytesPerSecondMin })
    const peer = await world.peer('p1', mebibyte)
    const fetcher = await world.fetcher()
    let fetched = 0
    const fetching = Promise.all(
      Array.from({ length: 4 }, async () => {
        await fetchFrom(fetcher, [peer])
        fetched += 1
      }),
    )
    fetching.catch(() => {})
    while (fetched < 4 && gate.passedBytes.download < 8 * mebibyte)
      await Promise.race([world.advance(500), fetching])
    await fetching
    expect(gate.passedBytes.download).toBe(4 * mebibyte)
  },
)
