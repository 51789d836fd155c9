import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { NewTransfer } from './history-store.ts'
import { type Fetching, Transfers } from './transfers.ts'

const sha256 = 'a'.repeat(64)

function setUp() {
  const clock = new FakeClock()
  const rows: NewTransfer[] = []
  const transfers = new Transfers({
    peerId: 'peer1',
    nameOf: (hash) => (hash === sha256 ? 'photos/a' : undefined),
    onEnded: (row) => rows.push(row),
    clock,
  })
  return { clock, rows, transfers }
}

const sent = { to: 'peer2', sha256, size: 30, purpose: 'download' as const }

describe('what is sent', () => {
  test('is shown while it runs, and is one row when no chunk is asked for any more', async () => {
    const { clock, rows, transfers } = setUp()
    for (let chunk = 0; chunk < 3; chunk++) {
      transfers.onSent(sent, 10)
      await clock.advance(1_000)
    }
    expect(transfers.running()).toEqual([
      {
        direction: 'out',
        purpose: 'download',
        peerId: 'peer2',
        name: 'photos/a',
        sha256,
        count: 1,
        size: 30,
        bytes: 30,
        bytesPerSecond: 10,
      },
    ])
    await clock.advance(10_000)
    expect(transfers.running()).toEqual([])
    expect(rows).toMatchObject([
      {
        direction: 'out',
        name: 'photos/a',
        bytes: 30,
        from: [{ peerId: 'peer1', bytes: 30 }],
        to: 'peer2',
        durationMs: 2_000,
        bytesPerSecond: 15,
      },
    ])
  })

  test('of small files is combined if they are many', async () => {
    const { clock, rows, transfers } = setUp()
    const file = (name: string) => ({ name: `photos/${name}`, sha256, size: 2 })
    transfers.onSmallReceived('peer2', 'download', [file('a'), file('b')])
    await clock.advance(5_000)
    expect(rows.map(({ name }) => name)).toEqual(['photos/a', 'photos/b'])
    const many = Array.from({ length: 538 }, (_, index) => file(`${index % 9}/${index}`))
    transfers.onSmallReceived('peer2', 'replication', many)
    expect(transfers.running()).toMatchObject([{ count: 538, folder: 'photos', bytes: 1_076 }])
    await clock.advance(5_000)
    expect(rows.slice(2)).toMatchObject([
      { count: 538, folder: 'photos', bytes: 1_076, from: [{ peerId: 'peer2' }], to: 'peer1' },
    ])
  })

  test('to endless requesters does not grow memory', async () => {
    const { clock, rows, transfers } = setUp()
    for (let index = 0; index < 5_000; index++) transfers.onSent({ ...sent, to: `p${index}` }, 1)
    expect(transfers.running().length).toBeLessThanOrEqual(1_000)
    expect(rows).toHaveLength(4_000)
    await clock.advance(10_000)
    expect(rows).toHaveLength(5_000)
  })
})

describe('a fetch', () => {
  const source = (peerId: string) => ({ source: { peerId } })

  function aFetch(): { fetching: Fetching; done: () => void; fail: () => void } {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const run = {
      fetched: promise,
      sources: [{ ...source('peer2'), bytes: 7, bytesPerSecond: 3.4 }],
      received: [
        { ...source('peer2'), bytes: 7 },
        { ...source('peer3'), bytes: 20 },
        { ...source('peer3'), bytes: 1 },
        { ...source('peer4'), bytes: 0 },
      ],
    }
    const content = { sha256, size: 28, chunkRoot: sha256 }
    const fetching = { name: 'a', content, purpose: 'download' as const, run }
    return { fetching, done: resolve, fail: () => reject(new Error('failed')) }
  }

  test('is shown per source, and ends as one row with all that sent some of it', async () => {
    const { clock, rows, transfers } = setUp()
    const { fetching, done } = aFetch()
    transfers.onFetch(fetching)
    await clock.advance(2_000)
    expect(transfers.running()).toMatchObject([{ peerId: 'peer2', bytes: 7, bytesPerSecond: 3 }])
    done()
    await clock.advance(1)
    expect(transfers.running()).toEqual([])
    expect(rows).toMatchObject([
      {
        direction: 'in',
        name: 'a',
        bytes: 28,
        from: [
          { peerId: 'peer3', bytes: 21 },
          { peerId: 'peer2', bytes: 7 },
        ],
        to: 'peer1',
        bytesPerSecond: 14,
      },
    ])
  })

  test('that fails is no row', async () => {
    const { clock, rows, transfers } = setUp()
    const { fetching, fail } = aFetch()
    transfers.onFetch(fetching)
    fail()
    await clock.advance(1)
    expect([rows, transfers.running()]).toEqual([[], []])
  })
})
