import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf, toAppError } from '../../common/errors.ts'
import { parseName, parsePeerId } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content, Source, Task } from '../../common/protocol/messages.ts'
import { nextTask } from './next-task.ts'
import { Reporter, type TaskLink } from './reporter.ts'

/** Whose file a replicated copy is, and what it is called: `replicated/<owner>/<name>`. */
export interface ReplicaKey {
  readonly owner: string
  readonly name: string
}

/** What replicating needs of the rest of the peer. */
export interface ReplicaKeeper {
  /**
   * Makes the copy from one that this peer holds elsewhere; one that is there already will do.
   * @returns false when this peer does not hold the content
   */
  copyLocal(key: ReplicaKey, content: Content): Promise<boolean>
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
  readonly #waiting: Task[] = []
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
      let place = nextTask(this.#waiting, this.#running);
      place !== undefined;
      place = nextTask(this.#waiting, this.#running)
    ) {
      for (const task of this.#waiting.splice(place, 1)) {
        this.#running.add(task)
        this.#background.start('task', (signal) => this.#run(task, signal))
      }
    }
  }

  async #run(task: Task, signal: AbortSignal): Promise<void> {
    const { taskId, kind, owner, name } = task
    try {
      await (kind === 'drop' ? this.#drop(task) : this.#replicate(task, signal))
      this.#reporter.add({ taskId })
    } catch (error) {
      if (signal.aborted) return
      const { code } = toAppError(error)
      this.#log.warn({ kind, owner, name, code, reason: reasonOf(error) }, 'task failed')
      this.#reporter.add({ taskId, error: code })
    } finally {
      this.#running.delete(task)
      if (!signal.aborted) this.#startNext()
    }
  }

  async #replicate(task: Extract<Task, { kind: 'replicate' }>, signal: AbortSignal): Promise<void> {
    const { content, sources } = task
    const key = keyOf(task)
    if (await this.#keeper.copyLocal(key, content)) return
    await using fetched = await this.#keeper.fetch({ content, name: key.name, sources, signal })
    await this.#keeper.adopt(key, content, fetched)
  }

  async #drop(task: Extract<Task, { kind: 'drop' }>): Promise<void> {
    await this.#keeper.drop(keyOf(task), task.sha256)
  }
}

/** What the index calls a file, checked: it becomes a path. @throws AppError PEER_ID_INVALID, NAME_INVALID */
function keyOf({ owner, name }: Task): ReplicaKey {
  return { owner: parsePeerId(owner), name: parseName(name) }
}
