import { type Lane, laneOf } from '../../common/content/lanes.ts'
import { limits } from '../../common/limits.ts'
import type { Task } from '../../common/protocol/messages.ts'

/** Small copies that are fetched together: a batch of the index. */
export const smallTasksPerGroup = limits.tasksPerRequestMax
/** Concurrent tasks with a small content (one chunk): one group is received, another one stored. */
export const smallTasksAtOnce = 2 * smallTasksPerGroup
/** Concurrent tasks of a peer per lane of larger contents. */
const largeTasksAtOnce = 1

export type ReplicateTask = Extract<Task, { kind: 'replicate' }>

/**
 * Which tasks to start together, as their indices in `waiting`: a single one, or a group of small
 * copies, because they share their costs; none if no task may start now. Tasks start in order, many
 * small ones beside a medium and a large one, and never two for the same file at the same time,
 * because a later task may undo an earlier one.
 * @param isReceiving whether a group of small copies is being received: the next one waits
 */
export function nextTasks(
  waiting: readonly Task[],
  running: Iterable<Task>,
  isReceiving = false,
): number[] {
  const runningTasks = [...running]
  const countOf = (lane: Lane): number =>
    runningTasks.filter((task) => laneOfTask(task) === lane).length
  const roomIn = (lane: Lane): number =>
    (lane === 'small' ? smallTasksAtOnce : largeTasksAtOnce) - countOf(lane)
  const smallRoom = roomIn('small')
  const groupRoom = isReceiving ? 0 : Math.min(smallRoom, smallTasksPerGroup)
  const busyFiles = new Set(runningTasks.map(fileOf))
  const places: number[] = []
  for (const [place, task] of waiting.entries()) {
    const file = fileOf(task)
    const lane = laneOfTask(task)
    const room = isSmallCopy(task) ? groupRoom - places.length : roomIn(lane)
    const mayBegin = room > 0 && !busyFiles.has(file)
    busyFiles.add(file)
    if (mayBegin && isSmallCopy(task)) places.push(place)
    else if (mayBegin && places.length === 0) return [place]
  }
  return places
}

/** Whether the task copies a content of one chunk. */
export function isSmallCopy(task: Task): task is ReplicateTask {
  return task.kind === 'replicate' && laneOfTask(task) === 'small'
}

function laneOfTask(task: Task): Lane {
  return task.kind === 'replicate' ? laneOf(task.content.size) : 'small'
}

function fileOf({ owner, name }: Task): string {
  return `${owner}/${name}`
}
