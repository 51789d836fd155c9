import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import type { Task } from '../../common/protocol/messages.ts'
import { nextTask } from './next-task.ts'

const sha256 = 'a'.repeat(64)

function replicate(name: string, size = 10): Task {
  const content = { sha256, size, chunkRoot: sha256 }
  return { kind: 'replicate', taskId: name, name, owner: 'p1', content, sources: [] }
}

function drop(name: string): Task {
  return { kind: 'drop', taskId: `drop ${name}`, name, owner: 'p1', sha256 }
}

const large = 2 * limits.chunkBytesMin

test('the first is the first', () => {
  expect(nextTask([replicate('a'), replicate('b')], [])).toBe(0)
  expect(nextTask([], [])).toBeUndefined()
})

test('small ones pass a large one that has to wait', () => {
  const waiting = [replicate('big', large), replicate('a'), drop('b')]
  expect(nextTask(waiting, [replicate('other', large)])).toBe(1)
})

test('a large one begins although many small ones run', () => {
  const running = Array.from({ length: limits.smallTasksAtOnce }, (_, i) => replicate(`${i}`))
  expect(nextTask([replicate('a'), replicate('big', large)], running)).toBe(1)
  expect(nextTask([replicate('a')], running)).toBeUndefined()
})

test('tasks for one file keep their order', () => {
  expect(nextTask([drop('a'), replicate('b')], [replicate('a')])).toBe(1)
  const behindLarge = [replicate('a', large), drop('a'), replicate('b')]
  expect(nextTask(behindLarge, [replicate('other', large)])).toBe(2)
})

test('all tasks come to their turn, with bounds kept', () => {
  const someTask = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    size: fc.constantFrom(1, large),
  })
  fc.assert(
    fc.property(fc.array(someTask, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (all, ends) => {
      const waiting = all.map(({ name, size }) => replicate(name, size))
      const begun: Task[] = []
      let running: Task[] = []
      while (waiting.length > 0 || running.length > 0) {
        const place = nextTask(waiting, running)
        const [task] = place === undefined ? [] : waiting.splice(place, 1)
        if (task !== undefined) {
          begun.push(task)
          running.push(task)
        } else {
          const ended = Number(ends.next().value) % running.length
          running = running.filter((_, i) => i !== ended)
        }
        expect(running.length).toBeLessThanOrEqual(
          limits.smallTasksAtOnce + limits.largeTasksAtOnce,
        )
        expect(new Set(running.map(({ name }) => name)).size).toBe(running.length)
      }
      expect(begun.length).toBe(all.length)
    }),
  )
})
