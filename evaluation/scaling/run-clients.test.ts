import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { runClients } from './run-clients.ts'

const closeTo = (value: number, digits: number): number => expect.closeTo(value, digits) as number

test('distributes the items and reports the work of each client and of all', async () => {
  const clock = new FakeClock()
  const done: [number, string][] = []
  const running = runClients(
    2,
    ['a', 'b', 'c'],
    async (item, client) => {
      await clock.sleep(client === 0 ? 500 : 2_000)
      done.push([client, item])
      return 100
    },
    { clock },
  )
  await clock.advance(2_000)

  expect(await running).toMatchObject({
    clients: 2,
    operations: 3,
    bytes: 300,
    seconds: closeTo(2, 5),
    operationsPerSecond: closeTo(1.5, 5),
    bytesPerSecond: closeTo(150, 3),
    latencySeconds: {
      count: 3,
      mean: closeTo(1, 5),
      min: closeTo(0.5, 5),
      max: closeTo(2, 5),
      p50: closeTo(0.5, 5),
    },
    perClient: [
      { operations: 2, bytes: 200, seconds: closeTo(1, 5) },
      { operations: 1, bytes: 100, seconds: closeTo(2, 5) },
    ],
  })
  expect(done).toEqual([
    [0, 'a'],
    [0, 'c'],
    [1, 'b'],
  ])
})

test('fails when an operation fails, but only after all clients have ended', async () => {
  const clock = new FakeClock()
  let hasEnded = false
  const running = runClients(
    2,
    [0, 1],
    async (item) => {
      if (item === 0) throw new Error('wrong bytes')
      await clock.sleep(1_000)
      hasEnded = true
      return 0
    },
    { clock },
  )
  const failure = expect(running).rejects.toThrow('wrong bytes')
  await clock.advance(1_000)
  await failure
  expect(hasEnded).toBe(true)
})
