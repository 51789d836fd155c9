import { expect, test } from 'vitest'
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

test('each file is due when it may be quiet, on its own time', async () => {
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

test('a file that changes again and again becomes restless, and is told apart from a new one', async () => {
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
