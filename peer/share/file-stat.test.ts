import { expect, test } from 'vitest'
import { isSameBytes } from './file-stat.ts'

test('a copy whose time was rounded as file systems and tools do has the bytes that it had', () => {
  const mtimeNs = 1_750_000_001_987_654_321n
  const original = { size: 5, mtimeNs, ino: 1n }
  for (const unitNs of [1n, 1_000n, 1_000_000n, 1_000_000_000n, 2_000_000_000n])
    for (const rounded of [mtimeNs - (mtimeNs % unitNs), mtimeNs - (mtimeNs % unitNs) + unitNs])
      expect(isSameBytes(original, { size: 5, mtimeNs: rounded, ino: 2n }), `${unitNs}`).toBe(true)
  expect(isSameBytes(original, { ...original, size: 6 })).toBe(false)
  expect(isSameBytes(original, { ...original, mtimeNs: mtimeNs + 2_000_000_000n })).toBe(false)
})
