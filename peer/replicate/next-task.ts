import { type Lane, laneOf } from '../../common/content/lanes.ts'
import { limits } from '../../common/limits.ts'
import type { Task } from '../../common/protocol/messages.ts'

export type ReplicateTask = Extract<Task, { kind: 'replicate' }>

/**
 * Which tasks to begin together, as their places in `waiting`: a single one or, because what each of
 * them costs can be shared, all small copies that may begin; none when nothing may begin now. In order,
 * but many small ones beside a medium and a large one; and never two at once for the same file, because a later
 * task may undo what an earlier one does.
 */
export function nextTasks(waiting: readonly Task[], running: Iterable<Task>): number[] {
  const runningTasks = [...running]
  const countOf = (lane: Lane): number =>
    runningTasks.filter((task) => laneOfTask(task) === lane).length
  const smallRoom = limits.smallTasksAtOnce - countOf('small')
  const busyFiles = new Set(runningTasks.map(fileOf))
  const places: number[] = []
  for (const [place, task] of waiting.entries()) {
    const file = fileOf(task)
    const lane = laneOfTask(task)
    const hasRoom =
      lane === 'small' ? places.length < smallRoom : countOf(lane) < limits.largeTasksAtOnce
    const mayBegin = hasRoom && !busyFiles.has(file)
    busyFiles.add(file)
    if (mayBegin && isSmallCopy(task)) places.push(place)
    else if (mayBegin && places.length === 0) return [place]
  }
  return places
}

/** Whether it is to copy a content of one chunk. */
export function isSmallCopy(task: Task): task is ReplicateTask {
  return task.kind === 'replicate' && laneOfTask(task) === 'small'
}

function laneOfTask(task: Task): Lane {
  return task.kind === 'replicate' ? laneOf(task.content.size) : 'small'
}

function fileOf({ owner, name }: Task): string {
  return `${owner}/${name}`
}
