import { expect, test } from 'vitest'
import { isQuiet, type Observation, observe } from './quietness.ts'

const quietMs = 1_000
const nowMs = Date.UTC(2026, 0, 1)

function statOf(modifiedMs: number, size = 1): Observation['stat'] {
  return { size, mtimeNs: BigInt(modifiedMs) * 1_000_000n, ino: 1n }
}

test.each([
  { what: 'modified long ago', agoMs: 60_000, sameForMs: 0, quiet: true },
  { what: 'modified exactly long enough ago', agoMs: 1_000, sameForMs: 0, quiet: true },
  { what: 'modified just now', agoMs: 0, sameForMs: 0, quiet: false },
  {
    what: 'modified a moment ago, seen unchanged for less',
    agoMs: 999,
    sameForMs: 999,
    quiet: false,
  },
  { what: 'dated in the future, just seen', agoMs: -60_000, sameForMs: 0, quiet: false },
  { what: 'dated in the future, seen unchanged', agoMs: -60_000, sameForMs: 1_000, quiet: true },
  { what: 'dated before 1970', agoMs: nowMs + 1_000, sameForMs: 0, quiet: true },
])('a file $what: quiet is $quiet', ({ agoMs, sameForMs, quiet }) => {
  const observation = { stat: statOf(nowMs - agoMs), sameSinceMs: 5_000, restlessSinceMs: 0 }
  const now = { wallMs: nowMs, monotonicMs: 5_000 + sameForMs }
  expect(isQuiet(observation, now, quietMs)).toBe(quiet)
})

test('an observation keeps since when the file is the same, and since when it is not at rest', () => {
  const at = (monotonicMs: number): { wallMs: number; monotonicMs: number } => ({
    wallMs: nowMs,
    monotonicMs,
  })
  const first = observe(statOf(1), undefined, at(100))
  expect(first).toEqual({ stat: statOf(1), sameSinceMs: 100, restlessSinceMs: 100 })
  const same = observe(statOf(1), first, at(200))
  expect(same).toMatchObject({ sameSinceMs: 100, restlessSinceMs: 100 })
  const grown = observe(statOf(1, 2), same, at(300))
  expect(grown).toMatchObject({ sameSinceMs: 300, restlessSinceMs: 100 })
})
