import { describe, expect, test } from 'vitest'
import { assuredRate, nextGrant, partBytesAt, replicationRate } from './grant.ts'

const infinite = Number.POSITIVE_INFINITY
const now = { all: 0, replication: 0, assured: 0 }

test.each<[string, Parameters<typeof nextGrant>, ReturnType<typeof nextGrant>]>([
  ['downloads alone', [{ download: true, replication: false }, now], 'download'],
  ['replication alone', [{ download: false, replication: true }, now], 'replication'],
  [
    'the guaranteed rate of replication',
    [{ download: true, replication: true }, now],
    'replication',
  ],
  [
    'downloads, once replication had that',
    [
      { download: true, replication: true },
      { ...now, assured: 5 },
    ],
    'download',
  ],
  [
    'downloads, while replication is at its own limit',
    [
      { download: true, replication: true },
      { ...now, replication: 5 },
    ],
    'download',
  ],
  [
    'replication alone, guaranteed or not',
    [
      { download: false, replication: true },
      { ...now, assured: 5 },
    ],
    'replication',
  ],
  [
    'neither at the limit',
    [
      { download: true, replication: true },
      { ...now, all: 7 },
    ],
    7,
  ],
  [
    'neither at both limits',
    [
      { download: false, replication: true },
      { all: 3, replication: 9, assured: 0 },
    ],
    9,
  ],
])('the next grant is for %s', (_, given, grant) => {
  expect(nextGrant(...given)).toBe(grant)
})

describe('beside downloads, replication', () => {
  const rates = { all: infinite, replication: infinite }
  const busy = { bytesPerSecond: 160_000_000, silentMs: 0 }

  test.each([
    ['gets a share of their rate', rates, busy, 10_000_000],
    ['gets a minimum however slow they are', rates, { ...busy, bytesPerSecond: 0 }, 1_000_000],
    ['keeps its own limit', { ...rates, replication: 60_000 }, busy, 60_000],
    ['is unlimited once they are idle', rates, { ...busy, silentMs: 1_000 }, infinite],
    ['depends on grants under a total limit', { ...rates, all: 100_000 }, busy, infinite],
  ])('%s', (_, given, downloads, rate) => {
    expect(replicationRate(given, downloads)).toBe(rate)
  })

  test('is guaranteed a share of the limit, and enough to keep its streams from stalling', () => {
    expect(assuredRate({ all: 16_000_000, replication: infinite })).toBe(1_000_000)
    expect(assuredRate({ all: 50_000, replication: infinite })).toBe(25_000)
    expect(assuredRate(rates)).toBe(infinite)
  })
})

test('parts are small at low rates, and infinite without a limit', () => {
  expect(partBytesAt(50_000)).toBe(4_096)
  expect(partBytesAt(2_000_000)).toBe(100_000)
  expect(partBytesAt(2_000_010)).toBe(100_000)
  expect(partBytesAt(infinite)).toBe(infinite)
})
