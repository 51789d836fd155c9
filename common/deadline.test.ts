import { expect, test } from 'vitest'
import { withDeadline } from './deadline.ts'
import { FakeClock } from './testing/fake-clock.ts'

const wait = { what: 'The answer', deadlineMs: 1_000 }
const forever = (): Promise<never> => new Promise(() => undefined)

test('work in time returns its result and leaves no timer', async () => {
  const clock = new FakeClock()
  expect(await withDeadline(wait, clock, () => Promise.resolve(7))).toBe(7)
  expect(clock.pending).toBe(0)
})

test('the error of the work comes through', async () => {
  const clock = new FakeClock()
  const failing = withDeadline(wait, clock, () => Promise.reject(new Error('broken')))
  await expect(failing).rejects.toThrow('broken')
  expect(clock.pending).toBe(0)
})

test('at the deadline it ends, even when the work does not care', async () => {
  const clock = new FakeClock()
  let signalOfWork: AbortSignal | undefined
  const waiting = withDeadline(wait, clock, (signal) => {
    signalOfWork = signal
    return forever()
  })
  const refused = expect(waiting).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    details: { what: 'The answer', deadlineMs: 1_000 },
  })
  await clock.advance(999)
  expect(signalOfWork?.aborted).toBe(false)
  await clock.advance(1)
  await refused
  expect(signalOfWork?.aborted).toBe(true)
})

test('the signal ends it immediately with its own reason', async () => {
  const clock = new FakeClock()
  const stop = new AbortController()
  const waiting = withDeadline({ ...wait, signal: stop.signal }, clock, forever)
  stop.abort(new Error('stopping'))
  await expect(waiting).rejects.toThrow('stopping')
  expect(clock.pending).toBe(0)
})

test('with an aborted signal the work is not even begun', async () => {
  let begun = false
  const waiting = withDeadline(
    { ...wait, signal: AbortSignal.abort(new Error('stopped')) },
    new FakeClock(),
    () => {
      begun = true
      return forever()
    },
  )
  await expect(waiting).rejects.toThrow('stopped')
  expect(begun).toBe(false)
})
