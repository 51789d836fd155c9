import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import type { NewQuery } from './history-store.ts'
import { QueryLog } from './query-log.ts'

function setUp() {
  const clock = new FakeClock()
  const rows: NewQuery[] = []
  const log = new QueryLog((more) => rows.push(...more), { clock })
  const lookUp = (durationMs: number, answer = () => ({ found: 1 })): void =>
    log.add({ kind: 'lookup', what: 'a', by: 'page', durationMs }, answer)
  return { clock, rows, log, lookUp }
}

test('few queries are recorded one by one, soon', async () => {
  const { clock, rows, lookUp } = setUp()
  lookUp(1.23456)
  await clock.advance(500)
  expect(rows).toMatchObject([{ kind: 'lookup', what: 'a', by: 'page', count: 1, found: 1 }])
  expect(rows[0]?.durationMs).toBe(1.235)
})

test('of many only some are recorded, and the others counted, whose answers are not even looked at', async () => {
  const { clock, rows, log, lookUp } = setUp()
  let answers = 0
  const answer = (): { found: number } => ({ found: ++answers })
  for (let count = 0; count < 10_000; count++) lookUp(2, answer)
  log.add({ kind: 'search', what: 'x', by: 'program', durationMs: 1 }, () => ({}))
  await clock.advance(500)
  expect(rows.length).toBeLessThan(15)
  expect(rows.reduce((sum, { count }) => sum + count, 0)).toBe(10_001)
  expect(rows.find(({ count }) => count > 1)).toMatchObject({ kind: 'lookup', durationMs: 2 })
  expect(answers).toBe(10)
  lookUp(1)
  await clock.advance(500)
  expect(rows.at(-1)).toMatchObject({ what: 'a', count: 1 })
})

test('percentiles are right to a tenth, and begin anew after each look', () => {
  const { log, lookUp } = setUp()
  expect(log.takeLatency()).toEqual({ lookups: 0 })
  for (let ms = 1; ms <= 1_000; ms++) lookUp(ms)
  const { lookups, p50Ms = 0, p99Ms = 0 } = log.takeLatency()
  expect(lookups).toBe(1_000)
  expect(Math.abs(p50Ms / 500 - 1)).toBeLessThan(0.1)
  expect(Math.abs(p99Ms / 990 - 1)).toBeLessThan(0.1)
  lookUp(0)
  expect(log.takeLatency().p99Ms).toBeLessThan(0.002)
})
