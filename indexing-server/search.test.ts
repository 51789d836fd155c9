import { expect, test } from 'vitest'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { LoopTurns } from './loop-turns.ts'
import { search } from './search.ts'
import type { ListedName } from './store/store.ts'

const names: readonly ListedName[] = Array.from({ length: 5_000 }, (_, index) => ({
  name: `n${String(index).padStart(4, '0')}`,
  contentId: index,
}))

/** The names from memory; `onRead` is called on each read. */
function storeOf(onRead: () => void) {
  return {
    async listNames(from: ListedName, limit: number): Promise<readonly ListedName[]> {
      onRead()
      return names.filter(({ name }) => name > from.name).slice(0, limit)
    },
    rowsNamed: async () => [],
    contents: async () => [],
    modifiedTimes: async () => [],
  }
}

const request = { query: '*x', limit: 10 }
const { signal } = new AbortController()

test('of many searches only one runs per turn of the event loop', async () => {
  let round = 0
  let isOver = false
  const count = (): void => {
    round++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  const readIn: number[] = []
  const store = storeOf(() => readIn.push(round))
  const dependencies = {
    store,
    peerOf: () => undefined,
    turns: new LoopTurns(),
    clock: new FakeClock(),
  }
  await Promise.all(Array.from({ length: 20 }, () => search(request, dependencies, signal)))
  isOver = true
  expect(readIn).toHaveLength(60)
  expect(new Set(readIn).size).toBe(60)
})

test('a turn ends when its time is up, and the search continues where it stopped', async () => {
  class SlowClock extends FakeClock {
    #ms = 0
    override monotonicMs(): number {
      return (this.#ms += 0.01)
    }
  }
  let reads = 0
  const store = storeOf(() => reads++)
  const dependencies = {
    store,
    peerOf: () => undefined,
    turns: new LoopTurns(),
    clock: new SlowClock(),
  }
  expect(await search(request, dependencies, signal)).toEqual({ files: [] })
  expect(reads).toBeGreaterThanOrEqual(10)
  expect(reads).toBeLessThan(12)
})
