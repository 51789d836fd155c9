import fc from 'fast-check'
import { expect, test } from 'vitest'
import { names, StoreWorld, someStep } from '../testing/store-history.ts'

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

test('after any history the rows of a name are those that are listed', async () => {
  const histories = fc.asyncProperty(fc.array(someStep, { maxLength: 25 }), async (steps) => {
    await using world = await StoreWorld.create()
    for (const step of steps) await world.run(step)
    const listed = await world.store.listNames({ name: '', contentId: 0 }, 99)
    for (const name of names) {
      const rows = await world.store.rowsNamed({ name, contentId: 0 }, 99)
      expect(rows).toEqual(listed.filter((row) => row.name === name))
      const [first = { name, contentId: 0 }, ...rest] = rows
      expect(await world.store.rowsNamed(first, 99)).toEqual(rest)
    }
  })
  await fc.assert(histories, { numRuns: 60 })
}, 60_000)
