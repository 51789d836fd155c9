import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { fitsBatch, RunningTasks } from './running-tasks.ts'

const sha256 = 'a'.repeat(64)
const sources = Array.from({ length: limits.sourcesPerTaskMax }, (_, index) => ({
  peerId: 'p'.repeat(limits.peerIdBytesMax),
  host: 'h'.repeat(limits.hostBytesMax),
  port: 1 + index,
  kind: 'replicated' as const,
}))

test.each([
  ['short', 'a', 160],
  ['the longest', '"'.repeat(limits.nameBytesMax), 90],
])('a batch of tasks with %s names fits into a frame', (_, name, least) => {
  const running = new RunningTasks()
  const batch = running.open('target', 'small')
  while (fitsBatch(batch, 1)) {
    const contentId = batch.tasks.size
    const content = { sha256, size: 1, chunkRoot: sha256 }
    const task = {
      kind: 'replicate',
      taskId: `${contentId}`,
      name,
      owner: 'o',
      content,
      sources,
    } as const
    const cause = { kind: 'copied', bytes: 1 } as const
    running.add(batch, { contentId, target: 'target', sizeBytes: 1, startedMs: 0, task, cause })
  }
  const tasks = [...batch.tasks.values()].map(({ task }) => task)
  const frame = Buffer.byteLength(JSON.stringify({ id: 1, type: 'tasks', body: { tasks } }))
  expect(frame).toBeLessThan(limits.frameBodyBytesMax)
  expect(tasks.length).toBeLessThanOrEqual(limits.tasksPerRequestMax)
  expect(tasks.length).toBeGreaterThanOrEqual(least)
})
