import { expect, test } from 'vitest'
import type { BulkSink } from '../../../common/protocol/bulk.ts'
import { aContent } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import type { Lease } from '../source/connection-pool.ts'
import { ConnectionProgress } from '../source/connection-progress.ts'
import { SmallSource } from './small-source.ts'

const { content, bytes } = aContent(1_000)

/** A source whose connections answer as the test says, and what becomes of their leases. */
function aSource({ answers = bytes, isOpen = () => true }) {
  const clock = new FakeClock()
  const events: string[] = []
  const request = async (_: string, __: unknown, { into }: { into: BulkSink }) => {
    into.begin(answers.length, {})
    await into.write(answers)
    return { contents: [{ size: answers.length }], bytes: answers.length }
  }
  const lease = async (): Promise<Lease> => {
    events.push('leased')
    return {
      connection: { request: request as never, silentMs: 0, isOpen: isOpen() },
      progress: new ConnectionProgress({ clock }),
      discard: () => void events.push('discarded'),
      [Symbol.dispose]: () => void events.push('given back'),
    }
  }
  const source = new SmallSource(
    {
      source: { peerId: 'p1', host: 'p1', port: 1, kind: 'shared' },
      purpose: 'download',
      signal: new AbortController().signal,
    },
    { clock, pool: { lease }, onReceived: () => undefined },
  )
  const end = async (): Promise<string[]> => {
    source[Symbol.dispose]()
    await clock.advance(0)
    expect(clock.pending).toBe(0)
    return events
  }
  return { source, end }
}

test('reads at the same time share one connection, which is given back', async () => {
  const { source, end } = aSource({})
  const reads = Array.from({ length: 4 }, () => source.read([content]))
  expect(await Promise.all(reads)).toEqual(Array.from({ length: 4 }, () => [bytes]))
  expect(await end()).toEqual(['leased', 'given back'])
})

test('a connection that ended while it was idle is replaced by one other', async () => {
  let opened = 0
  const { source, end } = aSource({ isOpen: () => (opened += 1) > 1 })
  const reads = Array.from({ length: 4 }, () => source.read([content]))
  expect(await Promise.all(reads)).toEqual(Array.from({ length: 4 }, () => [bytes]))
  const events = await end()
  expect(events.filter((event) => event === 'leased')).toHaveLength(2)
  expect(events.at(-1)).toBe('given back')
})

test('a connection that sends more than was requested is closed', async () => {
  const { source, end } = aSource({ answers: Buffer.alloc(2_000) })
  await expect(source.read([content])).rejects.toMatchObject({ code: 'SOURCE_FAILED' })
  expect(await end()).toEqual(['leased', 'discarded'])
})
