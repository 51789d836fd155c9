import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FileStat } from '../../common/content/file-stat.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { Settling } from './settling.ts'

const quietMs = 1_000

function aSettling(): { settling: Settling; clock: FakeClock; due: string[] } {
  const clock = new FakeClock()
  const due: string[] = []
  const settling = new Settling({ quietMs, onDue: (path) => due.push(path) }, { clock })
  return { settling, clock, due }
}

function writtenNow(clock: FakeClock): { size: number; mtimeNs: bigint; ino: bigint } {
  return { size: 1, mtimeNs: BigInt(Math.round(clock.nowMs() * 1_000_000)), ino: 1n }
}

test('each file is due at its own time', async () => {
  const { settling, clock, due } = aSettling()
  const a = writtenNow(clock)
  expect(settling.judge('a', a)).toBe('settling')
  await clock.advance(400)
  expect(settling.judge('b', writtenNow(clock))).toBe('settling')
  await clock.advance(599)
  expect(due).toEqual([])
  await clock.advance(1)
  expect(due).toEqual(['a'])
  expect(settling.judge('a', a)).toBe('quiet')
  await clock.advance(400)
  expect(due).toEqual(['a', 'b'])
  expect(clock.pending).toBe(0)
})

test('a file that keeps changing becomes restless, and is distinguished from a new one', async () => {
  const { settling, clock, due } = aSettling()
  for (let elapsedMs = 0; elapsedMs < 10 * quietMs; elapsedMs += quietMs / 2) {
    expect(settling.judge('log', writtenNow(clock)), `after ${elapsedMs} ms`).toBe('settling')
    await clock.advance(quietMs / 2)
  }
  expect(settling.judge('log', writtenNow(clock))).toBe('restless')
  expect(due).toEqual([])

  settling.forget('log')
  expect(settling.judge('log', writtenNow(clock))).toBe('settling')
})

test('nothing is due after disposing', async () => {
  const { settling, clock, due } = aSettling()
  settling.judge('a', writtenNow(clock))
  settling[Symbol.dispose]()
  await clock.advance(quietMs)
  expect(due).toEqual([])
})

/**
 * Writes one file with these pauses before each write, as a watcher sees it, and records it whenever
 * it is quiet, as the catalog does.
 * @returns when each write came and when the file was recorded, in ms, and after how many writes each time
 */
async function recordedWhile(
  pausesMs: readonly number[],
): Promise<{ writesMs: number[]; recordedMs: number[]; recordedAfter: number[] }> {
  const clock = new FakeClock()
  const writesMs: number[] = []
  const recordedMs: number[] = []
  const recordedAfter: number[] = []
  let stat = writtenNow(clock)
  let recorded: FileStat | undefined
  const look = (): void => {
    if (recorded === stat) return settling.forget('a')
    if (settling.judge('a', stat, recorded) !== 'quiet') return
    recorded = stat
    recordedMs.push(Math.round(clock.elapsedMs))
    recordedAfter.push(writesMs.length)
  }
  using settling = new Settling({ quietMs, onDue: look }, { clock })
  for (const pauseMs of pausesMs) {
    await clock.advance(pauseMs)
    stat = { ...writtenNow(clock), size: stat.size + 1 }
    writesMs.push(Math.round(clock.elapsedMs))
    look()
  }
  await clock.advance(20 * quietMs)
  expect(recorded).toBe(stat)
  expect(clock.pending).toBe(0)
  return { writesMs, recordedMs, recordedAfter }
}

test('no content is recorded between the first rewrite and the end, with any pauses up to 2.5 s', async () => {
  const pauses = fc.array(fc.integer({ min: 1, max: 2_500 }), { maxLength: 23 })
  await fc.assert(
    fc.asyncProperty(pauses, async (pausesMs) => {
      const { writesMs, recordedMs, recordedAfter } = await recordedWhile([0, ...pausesMs])
      const lastMs = writesMs.at(-1) ?? 0
      // Writes within one quiet time are one write: they may be recorded before the next one.
      const before = writesMs.filter((writeMs) => writeMs < quietMs).length
      const early = recordedAfter.filter((writes) => writes > before && writes < writesMs.length)
      expect(early).toEqual([])
      expect(recordedAfter.filter((writes) => writes === writesMs.length)).toHaveLength(1)
      expect(recordedMs.at(-1)).toBeLessThanOrEqual(lastMs + 5 * quietMs)
    }),
    // A write at the very moment at which the one before it becomes quiet.
    { numRuns: 200, examples: [[[quietMs]]] },
  )
})

test('a new file that is written once is recorded after the quiet time', async () => {
  expect(await recordedWhile([0])).toMatchObject({ recordedMs: [1_000] })
  expect(await recordedWhile([0, 50, 200])).toMatchObject({ recordedMs: [1_250] })
})

test('an endless log that is written every 2 s is recorded once a minute', async () => {
  const { recordedMs } = await recordedWhile([0, ...Array.from({ length: 90 }, () => 2_000)])
  expect(recordedMs).toEqual([1_000, 62_000, 122_000, 182_000])
})
