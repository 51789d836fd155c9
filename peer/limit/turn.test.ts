import { describe, expect, test } from 'vitest'
import { assuredRate, nextTurn, partBytesAt, replicationRate } from './turn.ts'

const infinite = Number.POSITIVE_INFINITY
const now = { all: 0, replication: 0, assured: 0 }

test.each<[string, Parameters<typeof nextTurn>, ReturnType<typeof nextTurn>]>([
  ['people alone', [{ download: true, replication: false }, now], 'download'],
  ['replication alone', [{ download: false, replication: true }, now], 'replication'],
  ['what replication is sure of', [{ download: true, replication: true }, now], 'replication'],
  [
    'people, once replication had that',
    [
      { download: true, replication: true },
      { ...now, assured: 5 },
    ],
    'download',
  ],
  [
    'people, where replication has a limit of its own',
    [
      { download: true, replication: true },
      { ...now, replication: 5 },
    ],
    'download',
  ],
  [
    'replication alone, sure of it or not',
    [
      { download: false, replication: true },
      { ...now, assured: 5 },
    ],
    'replication',
  ],
  [
    'nobody under the limit',
    [
      { download: true, replication: true },
      { ...now, all: 7 },
    ],
    7,
  ],
  [
    'nobody under either limit',
    [
      { download: false, replication: true },
      { all: 3, replication: 9, assured: 0 },
    ],
    9,
  ],
])('the turn is of %s', (_, given, turn) => {
  expect(nextTurn(...given)).toBe(turn)
})

describe('beside people, replication', () => {
  const rates = { all: infinite, replication: infinite }
  const busy = { bytesPerSecond: 160_000_000, silentMs: 0 }

  test.each([
    ['gets a share of what they get', rates, busy, 10_000_000],
    ['gets something however slow they are', rates, { ...busy, bytesPerSecond: 0 }, 1_000_000],
    ['keeps its own limit', { ...rates, replication: 60_000 }, busy, 60_000],
    ['is free when they have gone', rates, { ...busy, silentMs: 1_000 }, infinite],
    ['has turns instead under a limit of all', { ...rates, all: 100_000 }, busy, infinite],
  ])('%s', (_, given, people, rate) => {
    expect(replicationRate(given, people)).toBe(rate)
  })

  test('is sure of a share of the limit, and of what keeps its streams from stalling', () => {
    expect(assuredRate({ all: 16_000_000, replication: infinite })).toBe(1_000_000)
    expect(assuredRate({ all: 50_000, replication: infinite })).toBe(25_000)
    expect(assuredRate(rates)).toBe(infinite)
  })
})

test('parts are small at low rates, and everything at once without a limit', () => {
  expect(partBytesAt(50_000)).toBe(4_096)
  expect(partBytesAt(2_000_000)).toBe(100_000)
  expect(partBytesAt(infinite)).toBe(infinite)
})
