/** Whole peers of meshes, each with its own index, live through faults and user actions, in virtual time. */
import { expect, test } from 'vitest'
import { runScript } from '../run-script.ts'
import { wholeMeshScriptOf } from './whole-mesh.ts'

/** What seeds once found. */
const found = {
  7: 'a peer whose disk was replaced by an empty one seemed to have all copies of before',
  12: 'a copy beyond the factor was never dropped, because an empty catalog was not told',
} as const

test.each([1, 2, 3])('a mesh survives what seed %i does to it', async (seed) => {
  expect((await runScript(wholeMeshScriptOf(seed))).violations).toEqual([])
})

test.each([1, 2, 3])('a mesh with an index survives what seed %i does to both', async (seed) => {
  const { violations } = await runScript(wholeMeshScriptOf(seed, { hasIndex: true }))
  expect(violations).toEqual([])
})

test.each(Object.entries(found))('seed %s once found: %s', async (seed) => {
  expect((await runScript(wholeMeshScriptOf(Number(seed)))).violations).toEqual([])
})

test('equal seeds live equal lives', async () => {
  const [one, again] = [
    await runScript(wholeMeshScriptOf(2)),
    await runScript(wholeMeshScriptOf(2)),
  ]
  expect(again.digest).toBe(one.digest)
})
