import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { bytesSource } from '../../common/protocol/bulk.ts'
import { aContent, chunkOf, type TestContent } from '../../common/testing/contents.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { UnfinishedContents } from './disk/unfinished-contents.ts'
import type { FetchRun } from './fetch-run.ts'
import type { ChunkPlace, LocalChunks } from './local-chunks.ts'
import { aSwarm } from './testing/swarm.ts'

const mebibyte = 1024 * 1024
const chunkCount = 8
const wanted = aContent(chunkCount * mebibyte - 3)
const listBytes = wanted.chunkList.length

/** A file of this peer that is said to have `chunks` of the wanted content, each where it is there. */
async function anOwnFile(chunks: readonly number[], { bytes }: TestContent = wanted) {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const path = join(folder.path, 'own')
  await writeFile(path, bytes)
  const state = { opened: 0, closed: 0, mismatches: 0, isUnchanged: true }
  const place = (chunk: number): [number, ChunkPlace] => [
    chunk,
    { sha256: 'own', position: chunk * mebibyte },
  ]
  const localChunks: LocalChunks = {
    find: async (_, missing) => new Map(missing.filter((one) => chunks.includes(one)).map(place)),
    open: async () => {
      if (!state.isUnchanged) return undefined
      state.opened += 1
      const handle = await open(path)
      return {
        descriptor: handle.fd,
        onMismatch: () => void (state.mismatches += 1),
        [Symbol.asyncDispose]: async () => {
          state.closed += 1
          await handle.close()
        },
      }
    },
  }
  const owned = stack.move()
  onTestFinished(async () => {
    await owned.disposeAsync()
    expect(state.closed).toBe(state.opened)
  })
  return { localChunks, state, path }
}

/** The wanted content with other bytes in these chunks. */
function changedIn(chunks: readonly number[]): TestContent {
  const bytes = Buffer.from(wanted.bytes)
  for (const chunk of chunks) bytes.fill('x', chunk * mebibyte, chunk * mebibyte + 10)
  return { ...wanted, bytes }
}

test('chunks of own files are copied, and only the others are requested', async () => {
  const { localChunks, state } = await anOwnFile([0, 1, 2, 4, 5, 6, 7])
  const swarm = await aSwarm({ localChunks })
  const source = await swarm.source({ peerId: 'p1', content: wanted })
  let last: Pick<FetchRun, 'verifiedBytes' | 'reusedBytes' | 'receivedBytes'> | undefined
  const fetched = await swarm.fetch(wanted, [source], {
    onProgress: ({ verifiedBytes, reusedBytes, receivedBytes }) => {
      last = { verifiedBytes, reusedBytes, receivedBytes }
    },
  })
  expect((await readFile(fetched.partialPath)).equals(wanted.bytes)).toBe(true)
  expect(source.asked).toEqual([3])
  expect(swarm.receivedBytes).toBe(mebibyte + listBytes)
  const reusedBytes = 7 * mebibyte - 3
  expect(last).toMatchObject({ verifiedBytes: wanted.bytes.length, reusedBytes })
  expect(swarm.fetcher.reusedBytes).toEqual({ download: reusedBytes, replication: 0 })
  expect(fetched.sources.map(({ peerId }) => peerId)).toEqual(['p1'])
  expect(state).toMatchObject({ opened: 1, mismatches: 0 })
})

test.each([true, false])(
  'chunks that are not where they should be are requested; whole hash: %s',
  async (hashesWhole) => {
    const { localChunks, state } = await anOwnFile([0, 1, 2, 3, 4, 5, 6, 7], changedIn([2, 5]))
    const swarm = await aSwarm({ localChunks })
    const source = await swarm.source({ peerId: 'p1', content: wanted })
    const fetched = await swarm.fetch(wanted, [source], { hashesWhole })
    expect((await readFile(fetched.partialPath)).equals(wanted.bytes)).toBe(true)
    expect(new Set(source.asked)).toEqual(new Set([2, 5]))
    expect(state.mismatches).toBe(2)
    expect(swarm.blamed).toEqual([])
  },
)

test('a file that changes while it is copied is not read on', async () => {
  const { localChunks, state, path } = await anOwnFile([0, 1, 2, 3, 4, 5, 6, 7])
  const swarm = await aSwarm({ localChunks })
  const source = await swarm.source({ peerId: 'p1', content: wanted })
  let rewriting: Promise<void> | undefined
  const fetched = await swarm.fetch(wanted, [source], {
    onProgress: ({ reusedBytes }) => {
      if (reusedBytes === 0) return
      state.isUnchanged = false
      rewriting ??= writeFile(path, 'short')
    },
  })
  await rewriting
  expect((await readFile(fetched.partialPath)).equals(wanted.bytes)).toBe(true)
  expect(state).toMatchObject({ opened: 1, mismatches: 1 })
  expect(source.asked).toContain(7)
  expect(source.asked).not.toContain(0)
})

test('a search that fails costs only the reuse', async () => {
  const localChunks: LocalChunks = {
    find: async () =>
      await Promise.reject(
        new AppError('DISK_FAILED', { path: '/', reason: 'bad', action: 'read' }),
      ),
    open: async () => undefined,
  }
  const swarm = await aSwarm({ localChunks })
  const source = await swarm.source({ peerId: 'p1', content: wanted })
  const fetched = await swarm.fetch(wanted, [source])
  expect((await readFile(fetched.partialPath)).equals(wanted.bytes)).toBe(true)
  expect(source.asked).toHaveLength(chunkCount)
})

test('the source need only send the chunk list if this peer has all chunks', async () => {
  const { localChunks } = await anOwnFile([0, 1, 2, 3, 4, 5, 6, 7])
  const swarm = await aSwarm({ localChunks })
  const source = await swarm.source({ peerId: 'p1', content: wanted })
  const fetched = await swarm.fetch(wanted, [source], { hashesWhole: true })
  expect((await readFile(fetched.partialPath)).equals(wanted.bytes)).toBe(true)
  expect([source.asked, fetched.sources, swarm.receivedBytes]).toEqual([[], [], listBytes])
})

test('chunks that were copied are served to other peers while others are fetched', async () => {
  const { localChunks } = await anOwnFile([0, 1, 2, 4, 5, 6, 7])
  const unfinished = new UnfinishedContents()
  const swarm = await aSwarm({ localChunks, unfinished })
  const mayRead = Promise.withResolvers<void>()
  const source = await swarm.source({
    peerId: 'p1',
    content: wanted,
    read: async (chunk) => {
      await mayRead.promise
      return bytesSource(chunkOf(wanted.bytes, chunk))
    },
  })
  const copied = Promise.withResolvers<void>()
  const fetching = swarm.fetch(wanted, [source], {
    onProgress: ({ reusedBytes }) => {
      if (reusedBytes === 7 * mebibyte - 3) copied.resolve()
    },
  })
  await copied.promise
  const { chunkList, verified } = unfinished.find(wanted.content.sha256) ?? {}
  expect(chunkList?.equals(wanted.chunkList)).toBe(true)
  expect([verified?.size, verified?.firstMissing()]).toEqual([7, 3])
  mayRead.resolve()
  await using _ = await fetching
})

test('an interrupted fetch whose other chunks are in own files needs no source', async () => {
  const { localChunks, state } = await anOwnFile([3, 4, 5, 6, 7])
  state.isUnchanged = false
  const swarm = await aSwarm({ localChunks })
  const source = await swarm.source({
    peerId: 'p1',
    content: wanted,
    read: (chunk) => {
      if (chunk < 3) return bytesSource(chunkOf(wanted.bytes, chunk))
      throw new AppError('CONTENT_CHANGED', { name: 'its file' })
    },
  })
  await expect(swarm.fetch(wanted, [source], { keeps: true })).rejects.toMatchObject({
    code: 'NO_SOURCE',
  })
  await swarm.restart()
  state.isUnchanged = true
  const fetched = await swarm.fetch(wanted, [], { keeps: true })
  expect((await readFile(fetched.partialPath)).equals(wanted.bytes)).toBe(true)
  expect(swarm.fetcher.reusedBytes.download).toBe(5 * mebibyte - 3)
})

test('a cancelled fetch ends the copying', async () => {
  const { localChunks, state } = await anOwnFile([0, 1, 2, 3, 4, 5, 6, 7])
  const swarm = await aSwarm({ localChunks })
  const source = await swarm.source({ peerId: 'p1', content: wanted })
  const stop = new AbortController()
  const fetching = swarm.fetch(wanted, [source], {
    signal: stop.signal,
    onProgress: ({ reusedBytes }) => {
      if (reusedBytes > 2 * mebibyte) stop.abort(new AppError('CANCELLED', { what: 'It' }))
    },
  })
  await expect(fetching).rejects.toMatchObject({ code: 'CANCELLED' })
  expect(state.closed).toBe(1)
  expect(swarm.fetcher.reusedBytes.download).toBe(3 * mebibyte)
})
