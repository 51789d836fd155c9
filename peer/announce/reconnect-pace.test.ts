import fc from 'fast-check'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { Hurry, reconnectDelayMs } from './reconnect-pace.ts'

/** When attempts are made while the index is away for so long. */
function attemptsMs(forMs: number, seed: string): number[] {
  const random = seededRandom(seed)
  const attempts: number[] = []
  for (let awayMs = 0, failures = 1; awayMs < forMs; failures++) {
    attempts.push(awayMs)
    awayMs += reconnectDelayMs({ failures, awayMs, isRefused: false }, random)
  }
  return attempts
}

test('an absent index is dialled at growing intervals, and found soon after it returns', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      const attempts = attemptsMs(3_600_000, seed)
      expect(attempts.filter((ms) => ms < 20_000).length).toBeLessThanOrEqual(25)
      expect(attempts.length).toBeLessThanOrEqual(700)
      for (const [index, ms] of attempts.slice(1).entries()) {
        const delayMs = ms - (attempts[index] ?? 0)
        expect(delayMs).toBeGreaterThanOrEqual(125)
        expect(delayMs).toBeLessThanOrEqual(ms < 60_000 ? 2_000 : Math.max(2_000, ms / 30))
        expect(delayMs).toBeLessThanOrEqual(15_000)
      }
    }),
    { numRuns: 30 },
  )
})

test('a refusal is retried slowly', () => {
  const random = seededRandom('refused')
  const delays = [1, 2, 3, 4, 5].map((failures) =>
    reconnectDelayMs({ failures, awayMs: 0, isRefused: true }, random),
  )
  expect(delays[0]).toBeGreaterThanOrEqual(2_500)
  expect(Math.max(...delays)).toBeLessThanOrEqual(30_000)
})

test('early attempts are limited, and allowed again over time', () => {
  const hurry = new Hurry()
  let nowMs = 0
  let attempts = 0
  for (; nowMs < 20_000; attempts++) {
    nowMs += hurry.pauseMs(nowMs)
    hurry.use(nowMs)
  }
  expect(attempts).toBeLessThanOrEqual(5 + 20_000 / 2_000 + 1)
  expect(hurry.pauseMs(nowMs)).toBeGreaterThan(1_000)
  expect(hurry.pauseMs(nowMs + 10_000)).toBe(100)
})
