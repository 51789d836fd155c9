/**
 * Whole clusters, each under one seed: an index and three to six peers live through faults and user
 * actions, in virtual time. `npm run simulate` runs more of them.
 */
import { describe, expect, test } from 'vitest'
import { scriptOf } from './draw-script.ts'
import { regressions } from './regressions.ts'
import { runScript } from './run-script.ts'

const seeds = Array.from({ length: 50 }, (_, place) => place + 1)

describe('a cluster survives what a seed does to it', () => {
  test.each(seeds)('seed %i', async (seed) => {
    expect((await runScript(scriptOf(seed))).violations).toEqual([])
  })

  test.each(regressions)('the script that once found: $found', async ({ script }) => {
    expect((await runScript(script)).violations).toEqual([])
  })
})

test('equal seeds live equal lives, and others do not', async () => {
  const [one, again, other] = [
    await runScript(scriptOf(7)),
    await runScript(scriptOf(7)),
    await runScript(scriptOf(8)),
  ]
  expect(again.digest).toBe(one.digest)
  expect(other.digest).not.toBe(one.digest)
})
