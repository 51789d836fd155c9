import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expiredVersions, type ReplacedVersion } from './expired-versions.ts'

const options = { replacedMs: 1_000, replacedBytes: 100, versionsMax: 3 }

function aVersion(contentId: number, fields: Partial<ReplacedVersion> = {}): ReplacedVersion {
  return { contentId, sizeBytes: 10, ageMs: 0, liveCopies: 1, ...fields }
}

test('a version goes when its time is over and what replaced it is safe', () => {
  const versions = [aVersion(1, { ageMs: 999 }), aVersion(2, { ageMs: 1_000 })]
  expect(expiredVersions(versions, true, options)).toEqual([2])
  expect(expiredVersions(versions, false, options)).toEqual([])
})

test('beyond the bytes or the count the oldest go first', () => {
  const large = [1, 2, 3].map((id) => aVersion(id, { sizeBytes: 40 }))
  expect(expiredVersions(large, true, options)).toEqual([3])
  const many = [1, 2, 3, 4, 5].map((id) => aVersion(id))
  expect(expiredVersions(many, true, options)).toEqual([4, 5])
  expect(expiredVersions([aVersion(1, { sizeBytes: 101 })], true, options)).toEqual([1])
})

test('while the successor lacks copies the best replaced version always stays', () => {
  const version = fc.record({
    sizeBytes: fc.nat(100),
    ageMs: fc.nat(5_000),
    liveCopies: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.array(version, { maxLength: 12 }), (fields) => {
      const versions = fields.map((field, index) => aVersion(index, field))
      const expired = new Set(expiredVersions(versions, false, options))
      const most = (list: ReplacedVersion[]): number =>
        Math.max(0, ...list.map(({ liveCopies }) => liveCopies))
      const kept = versions.filter(({ contentId }) => !expired.has(contentId))
      expect(most(kept)).toBe(most(versions))
    }),
  )
})
