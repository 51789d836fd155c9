import { expect, test } from 'vitest'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { Lease } from './connection-pool.ts'
import { ConnectionProgress } from './connection-progress.ts'
import { PeerSource } from './peer-source.ts'

test('what was asked of a source and is of no use any more is withdrawn with it', async () => {
  const clock = new FakeClock()
  const { content } = aContent(2 * 1024 * 1024)
  const events: string[] = []
  const request = async (
    type: string,
    _: unknown,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<never> => {
    events.push(`asked ${type}`)
    const { promise, reject } = Promise.withResolvers<never>()
    signal?.addEventListener('abort', () => {
      events.push(`withdrawn ${type}`)
      reject(signal.reason as Error)
    })
    return await promise
  }
  const lease: Lease = {
    connection: { request, silentMs: 0, isOpen: true },
    progress: new ConnectionProgress({ clock }),
    discard: () => void events.push('discarded'),
    [Symbol.dispose]: () => void events.push('given back'),
  }
  const source = new PeerSource(
    {
      source: { peerId: 'p1', host: 'p1', port: 1, kind: 'shared' },
      content,
      purpose: 'download',
      signal: new AbortController().signal,
    },
    { clock, pool: { lease: async () => lease }, onReceived: () => undefined },
  )
  const listed = expect(source.chunkList()).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  await clock.advance(0)
  source[Symbol.dispose]()
  await listed
  await clock.advance(0)
  expect(events).toEqual(['asked chunk-list', 'withdrawn chunk-list', 'given back'])
  expect(clock.pending).toBe(0)
})
