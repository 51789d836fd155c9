import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { aContent } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import type { FileSources } from './file-sources.ts'
import { TorrentPieces } from './torrent-pieces.ts'
import type { WantedFile } from './wanted-file.ts'

const { signal } = new AbortController()

/** Local contents whose reading waits until it is let through. */
function aWorld() {
  const clock = new FakeClock()
  const reading = new Map<string, () => void>()
  let readCount = 0
  const readLocal: FileSources['readLocal'] = async function* ({ sha256, signal: isOver }) {
    readCount += 1
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    reading.set(sha256, resolve)
    isOver.addEventListener('abort', () => reject(isOver.reason as Error))
    try {
      await promise
    } finally {
      reading.delete(sha256)
    }
    yield Buffer.from(sha256)
  }
  const readOthers = async (): Promise<void> => {}
  const pieces = new TorrentPieces({ clock, readLocal, readOthers }, () => {
    throw new Error('nothing is remote')
  })
  const file = (sha256: string): WantedFile => {
    const local = { ...aContent(1), modifiedMs: 0 }
    return { name: sha256, sha256, size: sha256.length, local, found: [], others: [] }
  }
  const of = (name: string, { host = 'host', over = signal } = {}): Promise<Buffer> =>
    pieces.of(file(name), host, over)
  return { clock, reading, of, reads: () => readCount }
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 10; turns += 1) await turn()
}

test('a slow content does not block another, and requests for one share its reading', async () => {
  const { reading, of, reads } = aWorld()
  const slow = of('slow')
  const quick = [of('quick'), of('quick')]
  const third = of('third')
  await settle()
  expect([...reading.keys()]).toEqual(['slow', 'quick'])
  reading.get('quick')?.()
  const [one, other] = await Promise.all(quick)
  expect([one?.length, one]).toEqual([20, other])
  await settle()
  expect([...reading.keys()]).toEqual(['slow', 'third'])
  reading.get('third')?.()
  reading.get('slow')?.()
  await Promise.all([slow, third, of('quick')])
  expect(reads()).toBe(3)
})

test('a content that nobody waits for any longer is not read on', async () => {
  const { reading, of } = aWorld()
  const [first, second] = [new AbortController(), new AbortController()]
  const asked = [first, second].map((one) => of('f', { over: one.signal }))
  const outcomes = Promise.allSettled(asked)
  await settle()
  first.abort(new Error('gone'))
  await settle()
  expect(reading.size).toBe(1)
  second.abort(new Error('gone'))
  await outcomes
  await settle()
  expect(reading.size).toBe(0)
})

test('few requests wait, of one host half of all, and a stalled one ends', async () => {
  const { clock, of } = aWorld()
  const asked = Array.from({ length: 16 }, (_, index) => of(`f${index}`))
  await expect(of('one more')).rejects.toMatchObject({
    code: 'BUSY',
    details: { retryAfterSeconds: 30 },
  })
  asked.push(of('one more', { host: 'other' }))
  const outcomes = Promise.allSettled(asked)
  for (let minutes = 0; minutes < 10; minutes += 1) await clock.advance(61_000)
  const codes = (await outcomes).map(
    (one) => one.status === 'rejected' && (one.reason as { code: string }).code,
  )
  expect(new Set(codes)).toEqual(new Set(['DEADLINE_EXCEEDED']))
})
