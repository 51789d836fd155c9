import { expect, test } from 'vitest'
import { inParallel } from './in-parallel.ts'

async function* numbers(count: number): AsyncGenerator<number> {
  for (let number = 0; number < count; number++) yield number
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('every item is done once, with bounded concurrency', async () => {
  const done: number[] = []
  let running = 0
  let runningMax = 0
  await inParallel(numbers(100), 8, async (number) => {
    runningMax = Math.max(runningMax, ++running)
    await turn()
    running--
    done.push(number)
  })
  expect(done.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  expect(runningMax).toBe(8)
})

test('a failure ends it once all started work has ended', async () => {
  let begun = 0
  let ended = 0
  const work = async (number: number): Promise<void> => {
    begun++
    await turn()
    ended++
    if (number === 10) throw new Error('number 10')
  }
  await expect(inParallel(numbers(1_000), 4, work)).rejects.toThrow('number 10')
  expect(ended).toBe(begun)
  expect(begun).toBeLessThan(20)
})
