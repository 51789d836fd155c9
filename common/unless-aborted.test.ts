import { expect, test } from 'vitest'
import { unlessAborted } from './unless-aborted.ts'

test('the result or the error of the work, or the reason of the signal', async () => {
  const stop = new AbortController()
  const reason = new Error('stop')
  expect(await unlessAborted(Promise.resolve(1), stop.signal)).toBe(1)
  await expect(unlessAborted(Promise.reject(new Error('broken')), stop.signal)).rejects.toThrow(
    'broken',
  )
  const waiting = unlessAborted(new Promise(() => {}), stop.signal)
  stop.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  await expect(unlessAborted(Promise.resolve(1), stop.signal)).rejects.toBe(reason)
})
