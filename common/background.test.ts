import { expect, test, vi } from 'vitest'
import { BackgroundWork } from './background.ts'
import { AppError } from './errors.ts'
import type { Log } from './log.ts'
import { silentLog } from './testing/silent-log.ts'

test('disposing aborts the work and waits for its end', async () => {
  const steps: string[] = []
  const background = new BackgroundWork({ log: silentLog })
  background.start('a loop', async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    await Promise.resolve()
    steps.push('work ended')
  })
  await background[Symbol.asyncDispose]()
  steps.push('disposed')
  expect(steps).toEqual(['work ended', 'disposed'])
})

test('work that starts more work while it ends is waited for as well', async () => {
  const background = new BackgroundWork({ log: silentLog })
  let ended = false
  background.start('outer', async () => {
    background.start('inner', async () => {
      await Promise.resolve()
      ended = true
    })
    await Promise.resolve()
  })
  await background[Symbol.asyncDispose]()
  expect(ended).toBe(true)
})

test('after disposing nothing is started, and disposing again does nothing', async () => {
  const background = new BackgroundWork({ log: silentLog })
  await background[Symbol.asyncDispose]()
  await background[Symbol.asyncDispose]()
  const work = vi.fn<() => Promise<void>>()
  background.start('late', work)
  expect(work).not.toHaveBeenCalled()
  expect(background.signal.aborted).toBe(true)
})

test('a failure is logged with the name of the work', async () => {
  const { log, error } = spyLog()
  const background = new BackgroundWork({ log })
  const failure = new AppError('DISK_FAILED', { action: 'read', path: '/x', reason: 'no' })
  background.start('scan', () => Promise.reject(failure))
  await vi.waitFor(() => expect(error).toHaveBeenCalled())
  expect(error).toHaveBeenCalledWith(
    { what: 'scan', error: failure, reason: "Cannot read '/x': no" },
    'background work failed',
  )
  await background[Symbol.asyncDispose]()
})

test('what fails because it was stopped is not logged', async () => {
  const { log, error } = spyLog()
  const background = new BackgroundWork({ log })
  background.start('wait', async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    signal.throwIfAborted()
  })
  await background[Symbol.asyncDispose]()
  expect(error).not.toHaveBeenCalled()
})

function spyLog(): { log: Log; error: Log['error'] } {
  const error = vi.fn<Log['error']>()
  return { log: Object.assign(Object.create(silentLog) as Log, { error }), error }
}
