import { expect, test } from 'vitest'
import { measureLargeMesh } from './large-mesh.ts'
import { simulateMeshes } from './simulate-mesh.ts'

test('small meshes agree after faults', async () => {
  const printed: string[] = []
  const options = { seeds: [3, 12, 16, 20, 27], isTraced: false }
  const { signal } = new AbortController()
  expect(
    await simulateMeshes(options, (line) => printed.push(line), signal),
    printed.join('\n'),
  ).toBe(true)
}, 120_000)

test('an idle mesh needs less than 1 kB per second and member', async () => {
  const figures = await measureLargeMesh({ members: 30, files: 300 })
  expect(figures.idleBytesPerSecond).toBeLessThan(1_000)
})
