import { expect, onTestFinished, test } from 'vitest'
import type { Source } from '../../../common/protocol/messages.ts'
import { aContent, type TestContent } from '../../../common/testing/contents.ts'
import { aSwarm, nowhere, type Swarm } from '../testing/swarm.ts'
import type { SmallFetch } from './small-fetch.ts'
import type { SmallContent } from './small-reads.ts'

const many = Array.from({ length: 300 }, (_, number) => aContent(number, 'small'))
const bySha256 = new Map(many.map((one) => [one.content.sha256, one.bytes]))
const honest = (sha256s: readonly string[]): (Buffer | { error: string })[] =>
  sha256s.map((sha256) => bySha256.get(sha256) ?? { error: 'CONTENT_NOT_FOUND' })

interface Wanted extends SmallContent {
  readonly bytes: Buffer
}

const from = (contents: readonly TestContent[], ...sources: Source[]): Wanted[] =>
  contents.map(({ content, bytes }) => ({ content, bytes, sources }))

function fetchOf(swarm: Swarm): SmallFetch {
  const { signal } = new AbortController()
  const small = swarm.fetcher.smallFetch({ purpose: 'download', signal })
  onTestFinished(() => small[Symbol.dispose]())
  return small
}

/** Fetches the files, verifies them, and returns how many arrived and which were missed. */
async function fetchAll(swarm: Swarm, files: readonly Wanted[]) {
  let right = 0
  const missed = await fetchOf(swarm).fetch(files, async (verified) => {
    for (const { file, bytes } of verified) right += Number(file.bytes.equals(bytes))
  })
  return { right, missed }
}

test('many contents arrive with few requests over one connection', async () => {
  const swarm = await aSwarm()
  const asked: number[] = []
  const source = await swarm.source({
    peerId: 'p1',
    content: aContent(1),
    readMany: (sha256s) => {
      asked.push(sha256s.length)
      return honest(sha256s)
    },
  })
  expect(await fetchAll(swarm, from(many, source.source))).toEqual({ right: 300, missed: [] })
  expect(asked).toEqual([256, 44])
  expect(source.connectionCount).toBe(1)
  expect(swarm.receivedBytes).toBe((299 * 300) / 2)
})

test('what one source lies about is fetched from another, and the liar is blamed once and left', async () => {
  const swarm = await aSwarm()
  const liar = await swarm.source({
    peerId: 'liar',
    content: aContent(1),
    readMany: (sha256s) =>
      honest(sha256s).map((one, index) =>
        Buffer.isBuffer(one) && index % 50 === 49 ? Buffer.alloc(one.length, 1) : one,
      ),
  })
  const good = await swarm.source({ peerId: 'good', content: aContent(1), readMany: honest })
  const result = await fetchAll(swarm, from(many, liar.source, good.source))
  expect(result).toEqual({ right: 300, missed: [] })
  expect(swarm.blamed).toEqual(['liar'])
})

test('a file that no source sends is returned with the reasons, and whether it is in doubt', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: aContent(1), readMany: honest })
  const strange = aContent(5, 'nobody has it')
  const files = [
    ...from(many.slice(0, 2), nowhere('gone'), source.source),
    ...from([strange], source.source),
    ...from(many.slice(2, 3), nowhere('gone')),
    ...from(many.slice(3, 4)),
  ]
  const { right, missed } = await fetchAll(swarm, files)
  expect(right).toBe(2)
  const about = (one: TestContent | undefined) =>
    missed.find(({ file }) => file.content.sha256 === one?.content.sha256)
  expect(missed).toHaveLength(3)
  expect(about(many[3])).toMatchObject({
    tried: 'no peer, because none is known to have it',
    isDoubtful: false,
  })
  expect(about(many[2])?.tried).toContain('gone @ 127.0.0.1:9 could not send small files')
  expect(about(many[2])?.isDoubtful).toBe(false)
  expect(about(strange)?.tried).toContain('There is no content')
  expect(about(strange)?.isDoubtful).toBe(true)
})

test.each([
  ['fewer outcomes', () => []],
  [
    'more bytes than were asked for',
    (sha256s: readonly string[]) => sha256s.map(() => Buffer.alloc(9999)),
  ],
])('a source that answers with %s has failed', async (_, readMany) => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: aContent(1), readMany })
  const { right, missed } = await fetchAll(swarm, from(many.slice(1, 3), source.source))
  expect(right).toBe(0)
  expect(missed).toHaveLength(2)
})

test('a content of another size than was announced is in doubt, and who sends it is not blamed', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: aContent(1), readMany: honest })
  const [first, second] = from(many.slice(10, 12), source.source)
  if (first === undefined || second === undefined) throw new Error('there are many')
  const larger = { ...first, content: { ...first.content, size: first.content.size + 1 } }
  const { right, missed } = await fetchAll(swarm, [larger, second])
  expect(right).toBe(1)
  expect(missed).toMatchObject([{ file: { content: larger.content }, isDoubtful: true }])
  expect(missed[0]?.tried).toContain('10 bytes instead of 11')
  expect(swarm.blamed).toEqual([])
})
