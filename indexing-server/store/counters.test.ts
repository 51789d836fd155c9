import fc from 'fast-check'
import { expect, test } from 'vitest'
import { StoreWorld, someStep } from '../testing/store-history.ts'

test('after any history all counters equal a recount, and no row is left over', async () => {
  const histories = fc.asyncProperty(fc.array(someStep, { maxLength: 25 }), async (steps) => {
    await using world = await StoreWorld.create()
    for (const step of steps) {
      await world.run(step)
      expect(world.faults()).toEqual([])
    }
  })
  await fc.assert(histories, { numRuns: 60 })
}, 60_000)
