import { expect, test } from 'vitest'
import { SerialQueue } from './serial-queue.ts'

test('pieces run one at a time, in order, also after one has failed', async () => {
  const queue = new SerialQueue()
  const events: string[] = []
  const piece = (name: string) => async () => {
    events.push(`${name} begins`)
    await Promise.resolve()
    events.push(`${name} ends`)
    if (name === 'b') throw new Error('b failed')
    return name
  }
  const results = Promise.allSettled(['a', 'b', 'c'].map((name) => queue.run(piece(name))))
  expect(queue.length).toBe(3)
  expect(await results).toMatchObject([{ value: 'a' }, { status: 'rejected' }, { value: 'c' }])
  expect(events).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]))
  expect(queue.length).toBe(0)
})
