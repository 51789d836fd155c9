import { expect, test } from 'vitest'
import { withBug } from './find-planted.ts'
import { plantedBugs } from './planted-bugs.ts'

test('each planted bug has one place in the source, and more than ten are planted', async () => {
  expect(plantedBugs.length).toBeGreaterThanOrEqual(10)
  for (const bug of plantedBugs) expect(await withBug(bug)).not.toContain(bug.find)
})
