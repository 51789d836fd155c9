import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { Verifier, verifiedWaitingMax, verifyPauseMs } from './verifier.ts'

test('files are read one at a time, and none again within a minute', async () => {
  const clock = new FakeClock()
  const read: string[] = []
  let running = 0
  const verifier = new Verifier({
    clock,
    start: (work) => void work(new AbortController().signal),
    verify: async (path, mustAnnounce) => {
      expect(++running).toBe(1)
      await clock.sleep(10)
      running--
      read.push(`${path} ${mustAnnounce}`)
    },
  })
  verifier.add('a', false)
  verifier.add('b', false)
  verifier.add('b', true)
  for (let times = 0; times < 1_000; times++) verifier.add('a', true)
  await clock.advance(1_000)
  expect(read).toEqual(['a false', 'b true'])
  await clock.advance(verifyPauseMs)
  verifier.add('a', true)
  for (let number = 0; number < 2 * verifiedWaitingMax; number++) verifier.add(`${number}`, false)
  await clock.advance(100_000)
  expect(read.length).toBeLessThanOrEqual(3 + verifiedWaitingMax + 1)
  expect(read[2]).toBe('a true')
})
