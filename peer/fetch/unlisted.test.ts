/** Contents that only programs have: no chunk root is known, only the SHA-256. */
import { readdir, readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { chunkRootOf, isUnlisted } from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import { type BulkSource, bytesSource } from '../../common/protocol/bulk.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'
import { aContent, chunkOf, type TestContent } from '../../common/testing/contents.ts'
import { UnfinishedContents } from './disk/unfinished-contents.ts'
import { ProvedClaims, type ReadRequest, readInOrder } from './stream/read-in-order.ts'
import { aSwarm, type Swarm } from './testing/swarm.ts'

const mebibyte = 2 ** 20
const listed = aContent(5 * mebibyte - 7)
const { bytes, chunkList } = listed
const unlisted: TestContent = {
  ...listed,
  content: { ...listed.content, chunkRoot: listed.content.sha256 },
}
const options = { keeps: true, learnsChunks: true } as const

/** Serves chunks up to `end`, of which `wrong` is another one, and refuses the others. */
function serving({ end = 5, wrong = -1 }): (chunk: number) => BulkSource {
  return (chunk) => {
    if (chunk >= end) throw new AppError('CONTENT_CHANGED', { name: 'its file' })
    const sent = Buffer.from(chunkOf(bytes, chunk))
    if (chunk === wrong) sent[0] = 1 + (sent[0] ?? 0)
    return bytesSource(sent)
  }
}

test('a content of one chunk has its own hash as chunk root anyway', () => {
  expect(isUnlisted(unlisted.content)).toBe(true)
  expect(isUnlisted(listed.content)).toBe(false)
  expect(isUnlisted(aContent(mebibyte).content)).toBe(false)
})

test('the chunk list is made of what arrives, and the whole proves it', async () => {
  const unfinished = new UnfinishedContents()
  const swarm = await aSwarm({ unfinished })
  const source = await swarm.source({ peerId: 'p1', content: unlisted })
  const offered: unknown[] = []
  const onProgress = (): void => void offered.push(...unfinished.contents)
  const fetched = await swarm.fetch(unlisted, [source], { ...options, onProgress })
  expect((await readFile(fetched.partialPath)).equals(bytes)).toBe(true)
  expect(fetched.chunkList.equals(chunkList)).toBe(true)
  expect(fetched.content).toEqual(listed.content)
  expect(source.chunkListsAsked).toBe(0)
  // Others could not request its chunk list.
  expect(offered).toEqual([])
})

test('who sends wrong bytes is blamed, and nothing is left of them', async () => {
  const swarm = await aSwarm()
  const read = serving({ wrong: 3 })
  const source = await swarm.source({ peerId: 'liar', content: unlisted, read })
  const fetching = swarm.fetch(unlisted, [source], options)
  await expect(fetching).rejects.toMatchObject({ code: 'HASH_MISMATCH' })
  expect(swarm.blamed).toEqual(['liar'])
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('a fetch resumes where an earlier run was ended', async () => {
  const swarm = await aSwarm()
  const first = await swarm.source({ peerId: 'p1', content: unlisted, read: serving({ end: 3 }) })
  const fetching = swarm.fetch(unlisted, [first], options)
  await expect(fetching).rejects.toMatchObject({ code: 'NO_SOURCE' })
  await swarm.restart()
  const second = await swarm.source({ peerId: 'p2', content: unlisted })
  const fetched = await swarm.fetch(unlisted, [second], options)
  expect(second.asked).toEqual([3, 4])
  expect(fetched.chunkList.equals(chunkList)).toBe(true)
  expect((await readFile(fetched.partialPath)).equals(bytes)).toBe(true)
})

test('a peer cannot have its claim taken for one without chunk list', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: unlisted })
  await expect(swarm.fetch(unlisted, [source])).rejects.toMatchObject({ code: 'NO_SOURCE' })
  expect(swarm.blamed).toEqual(['p1'])
})

/** Reads from the sources, and keeps what is written. */
function reading(
  swarm: Swarm,
  sources: FoundContent['sources'],
  request: Partial<ReadRequest> = {},
  proved = new ProvedClaims(),
) {
  const pieces: Buffer[] = []
  const done = readInOrder(
    {
      name: 'file',
      signal: new AbortController().signal,
      lookup: async () => [{ ...unlisted.content, sources }],
      write: async (piece) => void pieces.push(Buffer.from(piece)),
      ...request,
    },
    { ...swarm.taking, proved },
  )
  return { done, written: () => Buffer.concat(pieces) }
}

test('it is read in order, and a wrong one never ends like a complete one', async () => {
  const swarm = await aSwarm()
  const { source } = await swarm.source({ peerId: 'p1', content: unlisted })
  const good = reading(swarm, [source])
  await good.done
  expect(good.written().equals(bytes)).toBe(true)

  const read = serving({ wrong: 4 })
  const liar = await swarm.source({ peerId: 'liar', content: unlisted, read })
  const wrong = reading(swarm, [liar.source])
  await expect(wrong.done).rejects.toMatchObject({ code: 'HASH_MISMATCH' })
  expect(wrong.written().length).toBe(4 * mebibyte)
  expect(swarm.blamed).toEqual(['liar'])
})

test('a part is written once the whole was proved, and its chunks are compared with those', async () => {
  const swarm = await aSwarm()
  let isLying = false
  const source = await swarm.source({
    peerId: 'p1',
    content: unlisted,
    read: (chunk) => serving({ wrong: isLying ? 2 : -1 })(chunk),
  })
  const proved = new ProvedClaims()
  const range = { start: 2 * mebibyte + 5, bytes: 10 }
  const part = reading(swarm, [source.source], { range }, proved)
  await part.done
  expect(part.written()).toEqual(bytes.subarray(range.start, range.start + 10))
  expect(source.asked).toEqual([0, 1, 2, 3, 4, 2])

  isLying = true
  const again = reading(swarm, [source.source], { range }, proved)
  await expect(again.done).rejects.toMatchObject({ code: 'NO_SOURCE' })
  expect(again.written().length).toBe(0)
  expect(chunkRootOf(chunkList)).toBe(listed.content.chunkRoot)
})
