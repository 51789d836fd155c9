import { expect, test } from 'vitest'
import { limits } from '../../../common/limits.ts'
import { type Candidate, sourcesToStart, sourceToReplace, sourceTrialMs } from './crew-plan.ts'

const fresh: Candidate = {
  isActive: false,
  isStuck: false,
  isBlamed: false,
  wasSlow: false,
  usableAtMs: 0,
}
const many = 1_000

test('blamed sources, those at work and those that failed just now are not started', () => {
  const later = { ...fresh, usableAtMs: 11 }
  const candidates = [{ ...fresh, isBlamed: true }, { ...fresh, isActive: true }, later, fresh]
  expect(sourcesToStart(candidates, { nowMs: 10, chunksMissing: many })).toEqual([fresh])
  expect(sourcesToStart(candidates, { nowMs: 11, chunksMissing: many })).toEqual([later, fresh])
})

test('slow ones come last', () => {
  const slow = { ...fresh, wasSlow: true }
  expect(sourcesToStart([slow, fresh], { nowMs: 0, chunksMissing: many })).toEqual([fresh, slow])
})

test('no more are started than there is work for', () => {
  const candidates = Array.from({ length: 20 }, () => fresh)
  const started = (chunksMissing: number): number =>
    sourcesToStart(candidates, { nowMs: 0, chunksMissing }).length
  expect([1, 2, 3, 5, many].map(started)).toEqual([1, 1, 2, 3, limits.sourcesPerFetchMax])
})

test('a source that is stuck gets company', () => {
  const active = { ...fresh, isActive: true }
  const started = (isStuck: boolean): number =>
    sourcesToStart([{ ...active, isStuck }, fresh], { nowMs: 0, chunksMissing: 1 }).length
  expect(started(false)).toBe(0)
  expect(started(true)).toBe(1)
})

test('a source far slower than the others makes room for one that waits', () => {
  const activeMs = sourceTrialMs
  const slow = { activeMs, bytesPerMs: 10 }
  const fast = { activeMs, bytesPerMs: 41 }
  expect(sourceToReplace([fast, slow, fast], true)).toBe(slow)
  expect(sourceToReplace([fast, slow, fast], false)).toBeUndefined()
  expect(sourceToReplace([fast, { ...slow, activeMs: activeMs - 1 }, fast], true)).toBeUndefined()
  expect(sourceToReplace([fast, { ...slow, bytesPerMs: 11 }, fast], true)).toBeUndefined()
  expect(sourceToReplace([slow], true)).toBeUndefined()
  expect(sourceToReplace([], true)).toBeUndefined()
})
