import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { RequestMeter } from './request-meter.ts'

test('a key may send a burst, and then some requests per second', async () => {
  const clock = new FakeClock()
  const meter = new RequestMeter({ perSecond: 2, burst: 3, keysMax: 10 }, { clock })
  const accepted = (): number => [1, 2, 3, 4, 5].filter(() => meter.accepts('a')).length
  expect(accepted()).toBe(3)
  await clock.advance(1_000)
  expect(accepted()).toBe(2)
  expect(meter.accepts('b')).toBe(true)
  expect(meter.accepts('b', 3)).toBe(false)
})

test('only some keys are remembered, those counted last', () => {
  const meter = new RequestMeter({ perSecond: 1, burst: 1, keysMax: 2 }, { clock: new FakeClock() })
  expect(['a', 'b', 'c', 'b'].map((key) => meter.accepts(key))).toEqual([true, true, true, false])
  expect(meter.accepts('a')).toBe(true)
})
