import { expect, test } from 'vitest'
import type { BulkSink } from '../../../common/protocol/bulk.ts'
import { aContent } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import type { Lease } from './connection-pool.ts'
import { ConnectionProgress } from './connection-progress.ts'
import { PeerSource } from './peer-source.ts'

const mebibyte = 1024 * 1024

interface Asked {
  readonly deadlineMs: number
  readonly signal: AbortSignal
  readonly into: BulkSink
}

/** A source of two chunks whose connections answer as the test says, and what becomes of their leases. */
function aSource(request: (type: string, asked: Asked) => Promise<unknown>) {
  const clock = new FakeClock()
  const events: string[] = []
  const answer = async (type: string, _: unknown, asked: Asked): Promise<unknown> =>
    await request(type, asked)
  const lease: Lease = {
    connection: { request: answer as never, silentMs: 0, isOpen: true },
    progress: new ConnectionProgress({ clock }),
    discard: () => void events.push('discarded'),
    [Symbol.dispose]: () => void events.push('given back'),
  }
  const source = new PeerSource(
    {
      source: { peerId: 'p1', host: 'p1', port: 1, kind: 'shared' },
      content: aContent(2 * mebibyte).content,
      purpose: 'download',
      signal: new AbortController().signal,
    },
    { clock, pool: { lease: async () => lease }, onReceived: () => undefined },
  )
  return { source, clock, events }
}

test('open requests are withdrawn with their source', async () => {
  const { source, clock, events } = aSource(async (type, { signal }) => {
    events.push(`asked ${type}`)
    const { promise, reject } = Promise.withResolvers<never>()
    signal.addEventListener('abort', () => {
      events.push(`withdrawn ${type}`)
      reject(signal.reason as Error)
    })
    return await promise
  })
  const listed = expect(source.chunkList()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  await clock.advance(0)
  source[Symbol.dispose]()
  await listed
  await clock.advance(0)
  expect(events).toEqual(['asked chunk-list', 'withdrawn chunk-list', 'given back'])
  expect(clock.pending).toBe(0)
})

test('an update of chunks may take long: throttled small files precede it on its connection', async () => {
  const { source, clock } = aSource(async (_, { deadlineMs, signal }) => {
    await clock.sleep(60_000, signal)
    expect(deadlineMs).toBeGreaterThan(60_000)
    return { size: 2 * mebibyte, count: 2 }
  })
  const { signal } = new AbortController()
  const news = source.chunksHeld({ beyond: 1, signal })
  await clock.advance(60_000)
  expect(await news).toBeUndefined()
  source[Symbol.dispose]()
})

test('a connection that sends more than was requested is closed', async () => {
  const { source, clock, events } = aSource(async (_, { into }) => into.begin(2 ** 40, {}))
  const { signal } = new AbortController()
  const reading = source.read({ chunk: 0, or: [] }, Buffer.alloc(mebibyte), signal, () => {})
  await expect(reading).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  source[Symbol.dispose]()
  await clock.advance(0)
  expect(events).toEqual(['discarded'])
})
