import { expect, test } from 'vitest'
import { isQuiet, type Observation, observe, requiredQuietMs } from './quietness.ts'

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
  const observation = {
    stat: statOf(nowMs - agoMs),
    sameSinceMs: 5_000,
    changingSinceMs: 5_000,
    unpausedSinceMs: 5_000,
    longestPauseMs: 0,
  }
  const now = { wallMs: nowMs, monotonicMs: 5_000 + sameForMs }
  expect(isQuiet(observation, now, quietMs)).toBe(quiet)
})

const at = (monotonicMs: number): { wallMs: number; monotonicMs: number } => ({
  wallMs: nowMs + monotonicMs,
  monotonicMs,
})

test('an observation keeps when the file last changed, when it started to change, and its longest pause', () => {
  const known = { recorded: undefined, before: undefined }
  const first = observe(statOf(1), known, at(100), quietMs)
  expect(first).toEqual({
    stat: statOf(1),
    sameSinceMs: 100,
    changingSinceMs: 100,
    unpausedSinceMs: 100,
    longestPauseMs: 0,
  })
  const same = observe(statOf(1), { ...known, before: first }, at(200), quietMs)
  expect(same).toEqual(first)
  const grown = observe(statOf(1, 2), { ...known, before: same }, at(300), quietMs)
  const more = { sameSinceMs: 300, changingSinceMs: 100, unpausedSinceMs: 100, longestPauseMs: 200 }
  expect(grown).toMatchObject(more)
  const later = observe(statOf(1, 3), { ...known, before: grown }, at(1_300), quietMs)
  expect(later).toMatchObject({
    changingSinceMs: 100,
    unpausedSinceMs: 1_300,
    longestPauseMs: 1_000,
  })
})

test.each([
  { what: 'of a new file', recordedAgoMs: undefined, pauseMs: 0, requiredMs: 1_000 },
  { what: 'soon after the recorded one', recordedAgoMs: 1_100, pauseMs: 1_100, requiredMs: 3_000 },
  { what: 'a few seconds later', recordedAgoMs: 4_000, pauseMs: 4_000, requiredMs: 6_000 },
  { what: 'after a long pause', recordedAgoMs: 5_001, pauseMs: 0, requiredMs: 1_000 },
  { what: 'dated before the recorded one', recordedAgoMs: -1, pauseMs: 0, requiredMs: 1_000 },
])('a write $what must be quiet for $requiredMs ms', ({ recordedAgoMs, pauseMs, requiredMs }) => {
  const recorded = recordedAgoMs === undefined ? undefined : statOf(nowMs - recordedAgoMs)
  const seen = observe(statOf(nowMs, 2), { before: undefined, recorded }, at(0), quietMs)
  expect(seen.longestPauseMs).toBe(pauseMs)
  expect(requiredQuietMs(seen, at(0), quietMs)).toBe(requiredMs)
})

test.each([
  { what: 'written once, in a burst', longestPauseMs: 400, forMs: 999, requiredMs: 1_000 },
  { what: 'written for longer than a burst', longestPauseMs: 400, forMs: 1_000, requiredMs: 3_000 },
  { what: 'written with pauses', longestPauseMs: 4_000, forMs: 8_000, requiredMs: 6_000 },
  { what: 'written with long pauses', longestPauseMs: 9_000, forMs: 18_000, requiredMs: 10_000 },
  { what: 'written for a minute', longestPauseMs: 9_000, forMs: 60_000, requiredMs: 1_000 },
])('a file $what must be quiet for $requiredMs ms', ({ longestPauseMs, forMs, requiredMs }) => {
  const seen = {
    stat: statOf(nowMs),
    sameSinceMs: forMs,
    changingSinceMs: 0,
    unpausedSinceMs: 0,
    longestPauseMs,
  }
  expect(requiredQuietMs(seen, at(forMs), quietMs)).toBe(requiredMs)
})
