import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../../common/testing/fake-clock.ts'
import { type FetchPage, PagedList, type Rows } from './paged-list.ts'

/** Pages of two numbers below `end`. */
function numbers(end: () => number): FetchPage<number> {
  return async (after) => {
    const from = Number(after ?? 0)
    const rows = [from, from + 1].filter((row) => row < end())
    return { rows, ...(from + 2 < end() && { next: String(from + 2) }) }
  }
}

test('pages are appended until there are no more', async () => {
  const list = new PagedList<number>({ clock: new FakeClock() })
  expect(list.state.value).toBe('loading')
  await list.load(numbers(() => 5))
  expect([list.rows.value, list.hasMore.value]).toEqual([[0, 1], true])
  await list.loadMore()
  await list.loadMore()
  await list.loadMore()
  expect([list.rows.value, list.hasMore.value, list.state.value]).toEqual([
    [0, 1, 2, 3, 4],
    false,
    'ready',
  ])
})

test('the reply to an earlier question is ignored', async () => {
  const list = new PagedList<string>({ clock: new FakeClock() })
  const late = Promise.withResolvers<Rows<string>>()
  const first = list.load(() => late.promise)
  await list.load(async () => ({ rows: ['second'] }))
  late.resolve({ rows: ['first'] })
  await first
  expect(list.rows.value).toEqual(['second'])
})

test('a refresh keeps as many rows as there were, and many changes cause one', async () => {
  const clock = new FakeClock()
  const list = new PagedList<number>({ clock })
  let end = 6
  let asked = 0
  const fetch = numbers(() => end)
  await list.load(async (...given) => {
    asked += 1
    return await fetch(...given)
  })
  await list.loadMore()
  end = 3
  asked = 0
  list.refresh()
  list.refresh()
  await clock.advance(1_000)
  await turn()
  expect([list.rows.value, asked]).toEqual([[0, 1, 2], 2])
})

test('a failure shows when there is no answer, and otherwise keeps the rows', async () => {
  const clock = new FakeClock()
  const list = new PagedList<number>({ clock })
  let isBroken = true
  const fetch: FetchPage<number> = async (...given) => {
    if (isBroken) throw new Error('No index.')
    return await numbers(() => 2)(...given)
  }
  await list.load(fetch)
  expect([list.state.value, list.failure.value]).toEqual(['failed', 'No index.'])
  isBroken = false
  await list.retry()
  expect([list.state.value, list.failure.value, list.rows.value]).toEqual(['ready', '', [0, 1]])
  isBroken = true
  list.refresh()
  await clock.advance(1_000)
  await turn()
  expect([list.state.value, list.failure.value, list.rows.value]).toEqual([
    'ready',
    'No index.',
    [0, 1],
  ])
})

test('rows of an earlier question do not stand for those of one that failed', async () => {
  const list = new PagedList<number>({ clock: new FakeClock() })
  await list.load(numbers(() => 2))
  await list.load(() => Promise.reject(new Error('No index.')))
  expect([list.state.value, list.failure.value]).toEqual(['failed', 'No index.'])
})

/** Replies are held until `release`, by default the oldest first. */
function held(fetch: FetchPage<number>): {
  fetch: FetchPage<number>
  release: (at?: number) => Promise<void>
} {
  const waiting: (() => void)[] = []
  return {
    fetch: async (...given) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push(resolve)
      await promise
      return await fetch(...given)
    },
    release: async (at = 0) => {
      waiting.splice(at, 1)[0]?.()
      await turn()
    },
  }
}

test('a page that is appended during a refresh is part of it', async () => {
  const clock = new FakeClock()
  const list = new PagedList<number>({ clock })
  const { fetch, release } = held(numbers(() => 9))
  const loaded = list.load(fetch)
  await release()
  await loaded
  list.refresh()
  await clock.advance(1_000)
  const more = list.loadMore()
  await release(1)
  await more
  expect(list.rows.value).toEqual([0, 1, 2, 3])
  await release()
  await release()
  expect(list.rows.value).toEqual([0, 1, 2, 3])
  expect(list.hasMore.value).toBe(true)
})

test('a page behind rows that a refresh replaced is left out', async () => {
  const clock = new FakeClock()
  const list = new PagedList<number>({ clock })
  let first = 0
  const { fetch, release } = held(async (after) =>
    after === undefined
      ? { rows: [first, first + 1], next: String(first + 1) }
      : { rows: [Number(after) + 1] },
  )
  const loaded = list.load(fetch)
  await release()
  await loaded
  first = 5
  list.refresh()
  await clock.advance(1_000)
  const more = list.loadMore()
  await release()
  expect(list.rows.value).toEqual([5, 6])
  await release()
  await more
  expect(list.rows.value).toEqual([5, 6])
})

test('a change while the first page is on its way is not forgotten', async () => {
  const clock = new FakeClock()
  const list = new PagedList<number>({ clock })
  let end = 1
  const { fetch, release } = held(numbers(() => end))
  const loaded = list.load(async (...given) => {
    const { rows } = await numbers(() => end)(...given)
    await fetch(...given)
    return { rows }
  })
  await turn()
  end = 2
  list.refresh()
  await clock.advance(1_000)
  await release()
  await loaded
  expect(list.rows.value).toEqual([0])
  await clock.advance(1_000)
  await turn()
  await release()
  expect(list.rows.value).toEqual([0, 1])
})
