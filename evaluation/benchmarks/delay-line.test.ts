import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { DelayLine } from './delay-line.ts'

test('bytes arrive in order, after the delay and at the speed of the line', async () => {
  const clock = new FakeClock()
  const line = new DelayLine({ delayMs: 25, bytesPerMs: 100 }, { clock })
  const seen: string[] = []
  const put = (bytes: number): Promise<void> =>
    line.pass(bytes, () => seen.push(`${bytes} at ${clock.elapsedMs.toFixed(2)}`))
  const puts = [put(100), put(1_000), put(50)]
  await clock.advance(100)
  await Promise.all(puts)
  expect(seen).toEqual(['100 at 26.00', '1000 at 36.00', '50 at 36.50'])
})

test('a sender that exceeds the capacity has to wait', async () => {
  const clock = new FakeClock()
  const line = new DelayLine({ delayMs: 25, bytesPerMs: 100 }, { clock })
  let hasRoom = false
  const put = line.pass(5_000, () => {}).then(() => (hasRoom = true))
  await clock.advance(29)
  expect(hasRoom).toBe(false)
  await clock.advance(1)
  await put
  expect(hasRoom).toBe(true)
})
