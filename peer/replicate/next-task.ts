import { chunkCountFor } from '../../common/content/chunks.ts'
import { limits } from '../../common/limits.ts'
import type { Task } from '../../common/protocol/messages.ts'

/**
 * Which task to begin, as its place in `waiting`, or undefined when none may begin now. In order,
 * but many small ones beside a large one; and never two at once for the same file, because a later
 * task may undo what an earlier one does.
 */
export function nextTask(waiting: readonly Task[], running: Iterable<Task>): number | undefined {
  const runningTasks = [...running]
  const largeCount = runningTasks.filter(isLarge).length
  const hasRoomFor = (task: Task): boolean =>
    isLarge(task)
      ? largeCount < limits.largeTasksAtOnce
      : runningTasks.length - largeCount < limits.smallTasksAtOnce
  const busyFiles = new Set(runningTasks.map(fileOf))
  for (const [place, task] of waiting.entries()) {
    const file = fileOf(task)
    if (hasRoomFor(task) && !busyFiles.has(file)) return place
    busyFiles.add(file)
  }
  return undefined
}

function isLarge(task: Task): boolean {
  return task.kind === 'replicate' && chunkCountFor(task.content.size) > 1
}

function fileOf({ owner, name }: Task): string {
  return `${owner}/${name}`
}
