import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode, reasonOf, toAppError } from '../../common/errors.ts'
import { parseName, parsePeerId } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content, Source, Task, TaskOutcome } from '../../common/protocol/messages.ts'
import { isSmallCopy, nextTasks, type ReplicateTask } from './next-task.ts'
import { Reporter, type TaskLink } from './reporter.ts'

/** Whose file a replicated copy is, and what it is called: `replicated/<owner>/<name>`. */
export interface ReplicaKey {
  readonly owner: string
  readonly name: string
}

/** A content of one chunk, what it is to be called, and who has it. */
export interface SmallCopy {
  readonly key: ReplicaKey
  readonly content: Content
  readonly sources: readonly Source[]
}

export type SmallOutcome = AppError | 'alone' | undefined

/** What replicating needs of the rest of the peer. */
export interface ReplicaKeeper {
  /**
   * Makes the copy from one that this peer holds elsewhere; one that is there already will do.
   * @returns false when this peer does not hold the content
   */
  copyLocal(key: ReplicaKey, content: Content): Promise<boolean>
  /**
   * Makes copies of contents of one chunk, many at a time, from this peer's own or from others.
   * @returns for each what stood in the way; `alone` when it should be tried again by itself, because
   *   somebody lied about the content
   * @throws AppError when all of them failed; or the signal's reason
   */
  keepSmall(copies: readonly SmallCopy[], signal: AbortSignal): Promise<SmallOutcome[]>
  /** Fetches a content; disposing the result removes the file unless it was adopted. */
  fetch(request: {
    content: Content
    name: string
    sources: readonly Source[]
    signal: AbortSignal
  }): Promise<FetchedReplica>
  /** Moves a fetched file into its place and catalogs it. */
  adopt(key: ReplicaKey, content: Content, file: FetchedReplica): Promise<unknown>
  /** Removes the copy if it has this content. */
  drop(key: ReplicaKey, sha256: string): Promise<unknown>
}

export interface FetchedReplica extends AsyncDisposable {
  readonly partialPath: string
  readonly chunkList: Buffer
  /** Has the file left for the next fetch of the content. */
  keep?(): void
}

interface ReplicatorDependencies {
  readonly keeper: ReplicaKeeper
  readonly link: TaskLink
  readonly clock: Clock
  readonly log: Log
}

/** Carries out the index's tasks, some at a time, and reports each one's end; none holds up the others. */
export class Replicator implements AsyncDisposable {
  readonly #keeper: ReplicaKeeper
  readonly #log: Log
  readonly #background: BackgroundWork
  readonly #reporter: Reporter
  #waiting: Task[] = []
  readonly #running = new Set<Task>()

  constructor(dependencies: ReplicatorDependencies) {
    this.#keeper = dependencies.keeper
    this.#log = dependencies.log
    this.#background = new BackgroundWork(dependencies)
    this.#reporter = new Reporter(dependencies)
  }

  /**
   * Takes all of `tasks` or none. One that is waiting or running already is not taken twice.
   * @throws AppError TASK_REFUSED
   */
  accept(tasks: readonly Task[]): void {
    if (this.#background.signal.aborted)
      throw new AppError('TASK_REFUSED', { reason: 'it is stopping' })
    const known = new Set([...this.#waiting, ...this.#running].map(({ taskId }) => taskId))
    const added = tasks.filter(({ taskId }) => !known.has(taskId))
    if (this.#waiting.length + added.length > limits.tasksWaitingMax)
      throw new AppError('TASK_REFUSED', { reason: `${this.#waiting.length} tasks are waiting` })
    this.#waiting.push(...added)
    this.#startNext()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
    await this.#reporter[Symbol.asyncDispose]()
  }

  #startNext(): void {
    for (
      let places = new Set(nextTasks(this.#waiting, this.#running));
      places.size > 0;
      places = new Set(nextTasks(this.#waiting, this.#running))
    ) {
      const tasks = this.#waiting.filter((_, place) => places.has(place))
      this.#waiting = this.#waiting.filter((_, place) => !places.has(place))
      for (const task of tasks) this.#running.add(task)
      const small = tasks.filter(isSmallCopy)
      this.#background.start('tasks', async (signal) => {
        if (small.length > 0) await this.#runSmall(small, signal)
        else for (const task of tasks) await this.#run(task, signal)
      })
    }
  }

  /** Small copies share requests, transactions and announcements; each has an end of its own. */
  async #runSmall(tasks: readonly ReplicateTask[], signal: AbortSignal): Promise<void> {
    const keyed = tasks.map((task) => ({ task, key: keyOrError(task) }))
    const copies = keyed.flatMap(({ task: { content, sources }, key }) =>
      key instanceof AppError ? [] : [{ key, content, sources }],
    )
    const outcomes = await this.#keepSmall(copies, signal)
    if (signal.aborted) return
    const outcomeOf = new Map(copies.map(({ key }, index) => [key, outcomes[index]]))
    const alone: Task[] = []
    const ended: TaskOutcome[] = []
    for (const { task, key } of keyed) {
      const outcome = key instanceof AppError ? key : outcomeOf.get(key)
      if (outcome === 'alone') alone.push(task)
      else ended.push(this.#onEnd(task, outcome))
    }
    this.#reporter.add(ended)
    this.#startNext()
    for (const task of alone) await this.#run(task, signal)
  }

  async #keepSmall(copies: readonly SmallCopy[], signal: AbortSignal): Promise<SmallOutcome[]> {
    try {
      return await this.#keeper.keepSmall(copies, signal)
    } catch (error) {
      return copies.map(() => toAppError(error))
    }
  }

  async #run(task: Task, signal: AbortSignal): Promise<void> {
    let failure: unknown
    try {
      await (task.kind === 'drop' ? this.#drop(task) : this.#replicate(task, signal))
    } catch (error) {
      failure = error
    }
    if (signal.aborted) return
    this.#reporter.add([this.#onEnd(task, failure)])
    this.#startNext()
  }

  /** What is to be reported of a task that has ended. */
  #onEnd(task: Task, failure: unknown): TaskOutcome {
    const { taskId, kind, owner, name } = task
    this.#running.delete(task)
    if (failure === undefined) return { taskId }
    const { code } = toAppError(failure)
    this.#log.warn({ kind, owner, name, code, reason: reasonOf(failure) }, 'task failed')
    return { taskId, error: code }
  }

  async #replicate(task: ReplicateTask, signal: AbortSignal): Promise<void> {
    const { content, sources } = task
    const key = keyOf(task)
    if (await this.#keeper.copyLocal(key, content)) return
    await using fetched = await this.#keeper.fetch({ content, name: key.name, sources, signal })
    try {
      await this.#keeper.adopt(key, content, fetched)
    } catch (error) {
      // The next try needs not fetch it again.
      if (hasCode(error, 'DISK_FULL') || hasCode(error, 'DISK_FAILED')) fetched.keep?.()
      throw error
    }
  }

  async #drop(task: Extract<Task, { kind: 'drop' }>): Promise<void> {
    await this.#keeper.drop(keyOf(task), task.sha256)
  }
}

/** What the index calls a file, checked: it becomes a path. @throws AppError PEER_ID_INVALID, NAME_INVALID */
function keyOf({ owner, name }: Task): ReplicaKey {
  return { owner: parsePeerId(owner), name: parseName(name) }
}

function keyOrError(task: Task): ReplicaKey | AppError {
  try {
    return keyOf(task)
  } catch (error) {
    return toAppError(error)
  }
}
