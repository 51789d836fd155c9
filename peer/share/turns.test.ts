import { expect, test } from 'vitest'
import { deadlines } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { Turns } from './turns.ts'

test('what does not end holds up its own key only, and that no longer than the deadline', async () => {
  const clock = new FakeClock()
  const turns = new Turns({ clock })
  const { promise: hanging, resolve } = Promise.withResolvers<string>()
  const ran: string[] = []
  const first = turns.take('a', () => hanging)
  const second = turns.take('a', async () => void ran.push('second'))
  const both = Promise.allSettled([first, second])
  expect(await turns.take('b', async () => 'other')).toBe('other')

  await clock.advance(deadlines.diskTurnMs)
  expect(await both).toMatchObject([
    { reason: { code: 'DEADLINE_EXCEEDED' } },
    { reason: { code: 'DEADLINE_EXCEEDED' } },
  ])
  resolve('late')
  expect(await turns.take('a', async () => 'third')).toBe('third')
  expect(ran).toEqual([])
})

test('work of one key runs in its order, one at a time, also after a failure', async () => {
  const turns = new Turns({ clock: new FakeClock() })
  const ran: number[] = []
  const results = await Promise.allSettled(
    [1, 2, 3].map((number) =>
      turns.take('a', async () => {
        await Promise.resolve()
        ran.push(number)
        if (number === 2) throw new Error('it failed')
        return number
      }),
    ),
  )
  expect(ran).toEqual([1, 2, 3])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
