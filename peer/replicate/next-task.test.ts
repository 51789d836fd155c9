import fc from 'fast-check'
import { expect, test } from 'vitest'
import { laneOf, mediumCopyBytesMax } from '../../common/content/lanes.ts'
import { limits } from '../../common/limits.ts'
import type { Task } from '../../common/protocol/messages.ts'
import { nextTasks, smallTasksAtOnce } from './next-task.ts'

const sha256 = 'a'.repeat(64)

function replicate(name: string, size = 10): Task {
  const content = { sha256, size, chunkRoot: sha256 }
  return { kind: 'replicate', taskId: name, name, owner: 'p1', content, sources: [] }
}

function drop(name: string): Task {
  return { kind: 'drop', taskId: `drop ${name}`, name, owner: 'p1', sha256 }
}

const large = 2 * limits.chunkBytesMin

test('small copies start together, in order', () => {
  expect(nextTasks([replicate('a'), replicate('b')], [])).toEqual([0, 1])
  expect(nextTasks([], [])).toEqual([])
})

test('small copies overtake a large one that must wait', () => {
  const waiting = [replicate('big', large), replicate('a'), replicate('b'), drop('c')]
  expect(nextTasks(waiting, [replicate('other', large)])).toEqual([1, 2])
  expect(nextTasks(waiting.slice(3), [replicate('other', large)])).toEqual([0])
})

test('a large copy starts although many small ones run', () => {
  const running = Array.from({ length: smallTasksAtOnce }, (_, i) => replicate(`${i}`))
  expect(nextTasks([replicate('a'), replicate('big', large)], running)).toEqual([1])
  expect(nextTasks([replicate('a')], running)).toEqual([])
})

test('small copies wait for those that are being received; other tasks do not', () => {
  const waiting = [replicate('a'), drop('b'), replicate('big', large)]
  expect(nextTasks(waiting, [replicate('c')], true)).toEqual([1])
  expect(nextTasks(waiting.toSpliced(1, 1), [replicate('c')], true)).toEqual([1])
  expect(nextTasks(waiting, [replicate('c')], false)).toEqual([0])
})

test('a medium copy starts beside a large one', () => {
  const disk = replicate('disk', 2 * mediumCopyBytesMax)
  expect(
    nextTasks([replicate('disk 2', 2 * mediumCopyBytesMax), replicate('photo', large)], [disk]),
  ).toEqual([1])
})

test('tasks for one file keep their order', () => {
  expect(nextTasks([drop('a'), replicate('b')], [replicate('a')])).toEqual([1])
  expect(nextTasks([replicate('a'), drop('a'), replicate('a', 9), replicate('b')], [])).toEqual([
    0, 3,
  ])
  const behindLarge = [replicate('a', large), drop('a'), replicate('b')]
  expect(nextTasks(behindLarge, [replicate('other', large)])).toEqual([2])
})

test('all tasks run eventually, within the bounds', () => {
  const someTask = fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
    size: fc.constantFrom(1, large, 2 * mediumCopyBytesMax),
  })
  fc.assert(
    fc.property(fc.array(someTask, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (all, ends) => {
      let waiting = all.map(({ name, size }) => replicate(name, size))
      const begun: Task[] = []
      let running: Task[] = []
      while (waiting.length > 0 || running.length > 0) {
        const places = nextTasks(waiting, running)
        const tasks = waiting.filter((_, place) => places.includes(place))
        if (tasks.length > 0) {
          waiting = waiting.filter((_, place) => !places.includes(place))
          begun.push(...tasks)
          running.push(...tasks)
        } else {
          const ended = Number(ends.next().value) % running.length
          running = running.filter((_, i) => i !== ended)
        }
        const lanesOf = running.map(
          (task) => task.kind === 'replicate' && laneOf(task.content.size),
        )
        for (const lane of ['medium', 'large'])
          expect(lanesOf.filter((each) => each === lane).length).toBeLessThanOrEqual(1)
        expect(new Set(running.map(({ name }) => name)).size).toBe(running.length)
      }
      expect(begun.length).toBe(all.length)
    }),
  )
})
