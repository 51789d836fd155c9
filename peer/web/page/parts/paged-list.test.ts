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

test('a failure shows when there is nothing else, and otherwise keeps the rows', async () => {
  const list = new PagedList<number>({ clock: new FakeClock() })
  const fails: FetchPage<number> = () => Promise.reject(new Error('No index.'))
  await list.load(fails)
  expect([list.state.value, list.failure.value]).toEqual(['failed', 'No index.'])
  await list.load(numbers(() => 2))
  await list.load(fails)
  expect([list.state.value, list.failure.value, list.rows.value]).toEqual([
    'ready',
    'No index.',
    [0, 1],
  ])
})
