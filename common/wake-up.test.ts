import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { FakeClock } from './testing/fake-clock.ts'
import { WakeUp } from './wake-up.ts'

const forever = new AbortController().signal

test('a change wakes all current waiters, and no later ones', async () => {
  const wakeUp = new WakeUp()
  const woken: string[] = []
  const waitAs = async (name: string): Promise<void> => {
    await wakeUp.next(forever)
    woken.push(name)
  }
  const first = [waitAs('a'), waitAs('b')]
  wakeUp.notify()
  const second = waitAs('c')
  await Promise.all(first)
  expect(woken).toEqual(['a', 'b'])
  wakeUp.notify()
  await second
  expect(woken).toEqual(['a', 'b', 'c'])
})

test('a wait ends with its delay or its signal, and leaves nothing behind', async () => {
  const [wakeUp, clock, stop] = [new WakeUp(), new FakeClock(), new AbortController()]
  const delayed = wakeUp.next(stop.signal, { clock, delayMs: 10 })
  await clock.advance(10)
  await delayed
  const woken = wakeUp.next(stop.signal, { clock, delayMs: 10 })
  wakeUp.notify()
  await woken
  expect(clock.pending).toBe(0)
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  const aborted = wakeUp.next(stop.signal)
  stop.abort()
  await aborted
  await wakeUp.next(stop.signal)
})

test('a condition is looked at now and at each change', async () => {
  const [wakeUp, stop] = [new WakeUp(), new AbortController()]
  let value = 1
  expect(await wakeUp.until(() => value, stop.signal)).toBe(1)
  const found = wakeUp.until(() => (value === 3 ? 'three' : undefined), stop.signal)
  for (value = 2; value <= 3; value += 1) {
    wakeUp.notify()
    await Promise.resolve()
  }
  value = 3
  wakeUp.notify()
  expect(await found).toBe('three')

  const never = wakeUp.until(() => undefined, stop.signal)
  const reason = new Error('stopped')
  stop.abort(reason)
  await expect(never).rejects.toBe(reason)
  await expect(wakeUp.until(() => 1, stop.signal)).rejects.toBe(reason)
})
