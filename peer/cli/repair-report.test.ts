import { expect, test } from 'vitest'
import { repairLines } from './repair-report.ts'

const plain = (_: string, text: string): string => text
const idle = {
  lacking: { lost: 0, lastCopy: 0, draining: 0, others: 0 },
  missingBytes: 0,
  filesPerSecond: 0,
  bytesPerSecond: 0,
  now: [],
}

test('nothing is said while nothing is missing', () => {
  expect(repairLines({}, plain)).toEqual([])
})

test('what is missing, how fast it is made, and what is copied now', () => {
  const repair = {
    lacking: { lost: 1, lastCopy: 40, draining: 3, others: 2 },
    missingBytes: 1_200_000_000,
    oldestMs: 80_000,
    filesPerSecond: 12.34,
    bytesPerSecond: 30_000_000,
    leftMs: 40_000,
    now: [
      { name: 'a\u202e.iso', target: 'peer3', source: 'peer1', size: 1_000_000, forMs: 3_000 },
      { name: 'b', target: 'peer2', size: 5, forMs: 0 },
    ],
  }
  expect(repairLines({ repair }, plain)).toEqual([
    'Lost:      1 content without any live copy: `why NAME` says which peer must return',
    'Repair:    40 with one copy left, 3 on draining peers, 2 with several copies, 1.20 GB missing, 12.3 files/s, 30.00 MB/s, about 40 s left, the oldest need is 1 min 20 s old',
    "           peer3 copies 'a\\u{202e}.iso' from peer1 (1.00 MB, for 3 s)",
    "           peer2 copies 'b' (5 B, for 0 s)",
  ])
})

test('a speed is shown only once something was copied', () => {
  const repair = { ...idle, lacking: { ...idle.lacking, others: 1 }, missingBytes: 7 }
  expect(repairLines({ repair }, plain)).toEqual(['Repair:    1 with several copies, 7 B missing'])
})
