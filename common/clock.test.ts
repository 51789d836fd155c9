import { describe, expect, test } from 'vitest'
import { type Clock, systemClock } from './clock.ts'
import { FakeClock } from './testing/fake-clock.ts'

/** A clock and a function that advances it. */
interface Harness {
  readonly clock: Clock
  readonly pass: (ms: number) => Promise<void>
}

const harnesses: Record<string, () => Harness> = {
  'the system clock': () => ({
    clock: systemClock,
    pass: (ms) =>
      new Promise((resolve) => {
        systemClock.after(ms, resolve)
      }),
  }),
  'the fake clock': () => {
    const clock = new FakeClock()
    return { clock, pass: (ms) => clock.advance(ms) }
  },
}

describe.each(Object.entries(harnesses))('%s', (_, harness) => {
  test('calls once, after the delay, unless cancelled', async () => {
    const { clock, pass } = harness()
    const calls: string[] = []
    clock.after(5, () => calls.push('kept'))
    const cancel = clock.after(5, () => calls.push('cancelled'))
    cancel()
    cancel()
    expect(calls).toEqual([])
    await pass(20)
    expect(calls).toEqual(['kept'])
  })

  test('never calls synchronously, even with a delay of 0', async () => {
    const { clock, pass } = harness()
    let isCalled = false
    clock.after(0, () => {
      isCalled = true
    })
    expect(isCalled).toBe(false)
    await pass(5)
    expect(isCalled).toBe(true)
  })

  test('lets both of its times pass', async () => {
    const { clock, pass } = harness()
    const startMs = clock.monotonicMs()
    const startWallMs = clock.nowMs()
    await pass(20)
    expect(clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(19)
    expect(clock.nowMs() - startWallMs).toBeGreaterThanOrEqual(18)
  })

  test('sleeps', async () => {
    const { clock, pass } = harness()
    const slept = clock.sleep(5).then(() => 'slept')
    await pass(20)
    expect(await slept).toBe('slept')
  })

  test('a sleep ends with the reason of its signal, before or while it sleeps', async () => {
    const { clock } = harness()
    const stop = new AbortController()
    const slept = clock.sleep(60_000, stop.signal)
    stop.abort(new Error('stopping'))
    await expect(slept).rejects.toThrow('stopping')
    await expect(clock.sleep(60_000, stop.signal)).rejects.toThrow('stopping')
  })
})

describe('the fake clock', () => {
  test('starts at the moment that it is given', async () => {
    const clock = new FakeClock(1_000)
    await clock.advance(500)
    expect(clock.nowMs()).toBeCloseTo(1_500.5)
    expect(clock.monotonicMs()).toBeCloseTo(500.375)
    expect(clock.elapsedMs).toBe(500)
  })

  test('fires in order of time, those of one moment in the order they were set', async () => {
    const clock = new FakeClock()
    const calls: string[] = []
    for (const [name, ms] of [
      ['b1', 20],
      ['a', 10],
      ['b2', 20],
      ['c', 30],
    ] as const)
      clock.after(ms, () => calls.push(`${name} at ${clock.elapsedMs}`))
    await clock.advance(29)
    expect(calls).toEqual(['a at 10', 'b1 at 20', 'b2 at 20'])
    expect(clock.pending).toBe(1)
  })

  test('fires what is set on the way, when a promise in between sets it', async () => {
    const clock = new FakeClock()
    const wakes: number[] = []
    const sleeper = async (): Promise<void> => {
      for (let count = 0; count < 3; count++) {
        await clock.sleep(10)
        wakes.push(clock.elapsedMs)
      }
    }
    const done = sleeper()
    await clock.advance(30)
    await done
    expect(wakes).toEqual([10, 20, 30])
  })
})
