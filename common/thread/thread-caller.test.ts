import { expect, test } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { ThreadCaller, threadIdleMs } from './thread-caller.ts'

const script = new URL('../testing/echo-thread.ts', import.meta.url)

test('calls are answered in order, and again after the thread was idle', async () => {
  const clock = new FakeClock()
  await using thread = new ThreadCaller<string, string>(script, { clock })
  expect(await Promise.all(['a', 'b', 'c'].map((text) => thread.call(text)))).toEqual([
    'a!',
    'b!',
    'c!',
  ])
  expect(clock.pending).toBe(1)
  await clock.advance(threadIdleMs)
  expect(await thread.call('d')).toBe('d!')
})

test('a call fails when its thread does, and the next has another', async () => {
  await using thread = new ThreadCaller<string, string>(script, { clock: new FakeClock() })
  const failing = Promise.allSettled([thread.call('end'), thread.call('lost')])
  expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await thread.call('e')).toBe('e!')
})

test('what a script throws fails its call alone, and comes with its code', async () => {
  await using thread = new ThreadCaller<string, string>(script, { clock: new FakeClock() })
  const calls = Promise.allSettled([thread.call('throw'), thread.call('g')])
  expect(await calls).toMatchObject([
    { reason: { code: 'EASKED', message: 'asked to' } },
    { value: 'g!' },
  ])
})

test('a call that cannot be sent takes no other call’s answer', async () => {
  const thread = new ThreadCaller<unknown, string>(script, { clock: new FakeClock() })
  const unsendable = thread.call(() => {})
  const next = thread.call('f')
  await expect(unsendable).rejects.toThrow('could not be cloned')
  expect(await next).toBe('f!')
  await thread[Symbol.asyncDispose]()
})

test('disposing waits for pending calls', async () => {
  const thread = new ThreadCaller<string, string>(script, { clock: new FakeClock() })
  const answer = thread.call('last')
  await thread[Symbol.asyncDispose]()
  expect(await answer).toBe('last!')
})
