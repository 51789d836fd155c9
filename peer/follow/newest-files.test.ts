import fc from 'fast-check'
import { expect, test } from 'vitest'
import { newestFiles } from './newest-files.ts'

test('the newest files are those that sorting all of them gives', async () => {
  const times = fc.array(fc.option(fc.nat(20), { nil: undefined }))
  await fc.assert(
    fc.asyncProperty(times, fc.integer({ min: 1, max: 10 }), async (modified, count) => {
      const files = modified.map((modifiedMs, index) => ({ name: `${index}`, modifiedMs }))
      const byTime = (one: (typeof files)[number]): number => one.modifiedMs ?? 0
      const sorted = files.toSorted((a, b) => byTime(b) - byTime(a)).map(byTime)
      async function* all() {
        yield* files
      }
      const found = await newestFiles(all(), count)
      expect(found.map(byTime)).toEqual(sorted.slice(0, count))
    }),
  )
})
