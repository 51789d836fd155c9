import { stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fileStatOf } from '../../common/content/file-stat.ts'
import { hashFile } from '../../common/content/hash.ts'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { CopyReader, type CopyReading, type CopyState, type CopyToRead } from './copy-reader.ts'

const mebibyte = 1024 * 1024

function aReader(): CopyReader {
  const reader = new CopyReader({ clock: new FakeClock() })
  onTestFinished(async () => await reader[Symbol.asyncDispose]())
  return reader
}

/** Reads a copy; `steps` gets the number of chunks read after each step, `faults` the first fault. */
async function reading(copy: CopyToRead, options: Partial<CopyReading> = {}) {
  const steps: number[] = []
  const faults: string[] = []
  const state: CopyState = await aReader().read(copy, {
    signal: new AbortController().signal,
    fromChunk: 0,
    pace: (_, chunks) => void steps.push(chunks),
    onFault: ({ why }) => void faults.push(why),
    ...options,
  })
  return { state, steps, faults }
}

async function aCopy(bytes: number): Promise<CopyToRead> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const path = join(folder.path, 'copy')
  await writeFile(path, aContent(bytes).bytes)
  await utimes(path, 1, 1)
  const { content, chunkList, stat: found } = await hashFile(path)
  const at = { kind: 'shared', name: 'copy', diskName: 'copy', root: folder.path, path } as const
  return { at, stat: found, content, chunkList }
}

test.each([0, 1, 4_095, 4_096, mebibyte, mebibyte + 1, 9 * mebibyte + 5])(
  'a good copy of %i bytes is good',
  async (bytes) => {
    expect(await reading(await aCopy(bytes))).toMatchObject({
      state: { state: 'good' },
      faults: [],
    })
  },
)

test('reading goes on from a chunk, and the chunks before it count as good', async () => {
  const copy = await aCopy(9 * mebibyte)
  const { steps, state } = await reading(copy, { fromChunk: 6 })
  expect([steps, state.state]).toEqual([[9], 'good'])
  const all = await reading(copy)
  expect(all.steps).toEqual([4, 8, 9])
})

test('a copy that is shorter than it was has the chunks before its end', async () => {
  const copy = await aCopy(3 * mebibyte)
  await truncate(copy.at.path, mebibyte + 5)
  expect((await reading(copy)).state).toEqual({ state: 'changed' })
  const now = fileStatOf(await stat(copy.at.path, { bigint: true }))
  const { state, faults } = await reading({ ...copy, stat: now })
  expect(state).toMatchObject({ state: 'bad', good: { size: 1 } })
  expect(faults).toHaveLength(1)
})

test.runIf(process.platform === 'linux')(
  'an unreadable sector is a fault of its chunk and does not end the reading',
  async () => {
    // The system answers each read at these positions with EIO, as for a broken disk.
    const [root, path] = ['/proc/self', '/proc/self/mem']
    const found = fileStatOf(await stat(path, { bigint: true }))
    const copy = await aCopy(6 * mebibyte)
    const at = { ...copy.at, root, path }
    const { state, steps, faults } = await reading({ ...copy, at, stat: found })
    expect(state).toMatchObject({ state: 'bad', why: 'cannot be read (EIO)', good: { size: 0 } })
    expect([steps, faults]).toEqual([[4, 6], ['cannot be read (EIO)']])
  },
)
