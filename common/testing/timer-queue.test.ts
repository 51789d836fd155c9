import fc from 'fast-check'
import { expect, test } from 'vitest'
import { TimerQueue } from './timer-queue.ts'

/** Sets a timer, cancels one, or takes the next that is due. */
const step = fc.oneof(
  fc.record({ set: fc.integer({ min: 0, max: 9 }) }),
  fc.record({ cancel: fc.nat(200) }),
  fc.record({ take: fc.integer({ min: 0, max: 9 }) }),
)

/** Timers in a list, of which each take searches all. */
class Model {
  #timers: { dueMs: number; number: number }[] = []

  get size(): number {
    return this.#timers.length
  }

  set(dueMs: number, number: number): void {
    this.#timers.push({ dueMs, number })
  }

  cancel(number: number): void {
    this.#timers = this.#timers.filter((timer) => timer.number !== number)
  }

  take(timeMs: number): number | undefined {
    const [first] = this.#timers.toSorted((a, b) => a.dueMs - b.dueMs || a.number - b.number)
    if (first === undefined || first.dueMs > timeMs) return undefined
    this.cancel(first.number)
    return first.number
  }
}

test('timers are taken by time and then in the order in which they were set, unless cancelled', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const [queue, model] = [new TimerQueue(), new Model()]
      const cancels: (() => void)[] = []
      const story = { queue: [] as unknown[], model: [] as unknown[] }
      let called: number | undefined
      for (const one of steps) {
        if ('set' in one) {
          const number = cancels.length
          model.set(one.set, number)
          cancels.push(queue.add(one.set, () => (called = number)))
        } else if ('cancel' in one) {
          cancels[one.cancel]?.()
          model.cancel(one.cancel)
        } else {
          called = undefined
          queue.take(one.take)?.callback()
          story.queue.push(called)
          story.model.push(model.take(one.take))
        }
        story.queue.push(queue.size)
        story.model.push(model.size)
      }
      expect(story.queue).toEqual(story.model)
    }),
  )
})
