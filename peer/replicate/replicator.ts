import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode, taskReasonOf, toAppError } from '../../common/errors.ts'
import { parseName, parsePeerId } from '../../common/ids.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content, CopyKey, Source, Task, TaskOutcome } from '../../common/protocol/messages.ts'
import type { KeyedContent, Shelf } from '../shelf.ts'
import type { Capacity } from './capacity.ts'
import { DropConfirmer, type DropLink } from './drop-confirmer.ts'
import { isSmallCopy, nextTasks, type ReplicateTask } from './next-task.ts'
import { ProgressTeller } from './progress-teller.ts'
import { Reporter, type TaskLink } from './reporter.ts'

/** Files looked at together: as many as the file system's threads handle. */
const copiesConfirmedAtOnce = 4

/** The key of a replicated copy: its file is `replicated/<owner>/<name>`. */
export interface ReplicaKey extends CopyKey {
  readonly kind: 'replicated'
  readonly owner: string
}

/** A content of one chunk, the copy to make of it, and its sources. */
export interface SmallCopy extends KeyedContent {
  readonly key: ReplicaKey
  readonly sources: readonly Source[]
}

/** Why a copy was not made; `alone` when it should be fetched alone because a source lied about the content. */
export type SmallOutcome = AppError | 'alone' | undefined

/** How replication fetches. */
export interface ReplicaFetcher {
  /** Fetches a content; disposing the result removes the file unless it was adopted. */
  fetch(request: {
    content: Content
    name: string
    sources: readonly Source[]
    signal: AbortSignal
  }): ReplicaFetch
  /**
   * Makes copies of contents of one chunk, many at a time, from this peer's own or from others.
   * @returns an outcome for each
   * @throws AppError when all of them failed; or the signal's reason
   */
  keepSmall(
    copies: readonly SmallCopy[],
    options: { readonly signal: AbortSignal; readonly onBytes: (count: number) => void },
  ): Promise<SmallOutcome[]>
}

/** Where replicas are kept. */
export interface ReplicaShelf extends Pick<Shelf, 'adopt' | 'copyLocal'> {
  /** Removes the copy if it has this content. */
  removeReplica(copy: { owner: string; name: string; sha256: string }): Promise<void>
  /** Whether a file with this content is as it was recorded; `mayBeReplica`: a replicated copy is enough. */
  hasCopy(sha256: string, options: { readonly mayBeReplica: boolean }): Promise<boolean>
}

/** A fetch in progress. */
export interface ReplicaFetch {
  /** All that sources sent, good or not. */
  readonly receivedBytes: number
  /** Copied from this peer's own files instead. */
  readonly reusedBytes: number
  readonly verifiedBytes: number
  readonly fetched: Promise<FetchedReplica>
}

export interface FetchedReplica extends AsyncDisposable {
  readonly partialPath: string
  readonly chunkList: Buffer
  /** Leaves the file for the next fetch of the content. */
  keep?(): void
}

type DropTask = Extract<Task, { kind: 'drop' }>

interface ReplicatorDependencies {
  readonly fetcher: ReplicaFetcher
  readonly shelf: ReplicaShelf
  readonly link: TaskLink & DropLink
  readonly capacity: Pick<Capacity, 'reserve'>
  readonly clock: Clock
  readonly log: Log
}

/** Tasks that run together: a single one, or small copies. */
interface Job {
  readonly tasks: readonly Task[]
  /** Those of them that are small copies: all or none. */
  readonly small: readonly ReplicateTask[]
  /** Tasks that were not cancelled; when none is left, the job ends. */
  readonly wanted: Set<Task>
  readonly stop: AbortController
}

/**
 * Carries out the index's tasks, several at a time, and reports the outcome of each; none blocks
 * the others.
 */
export class Replicator implements AsyncDisposable {
  readonly #fetcher: ReplicaFetcher
  readonly #shelf: ReplicaShelf
  readonly #capacity: Pick<Capacity, 'reserve'>
  readonly #log: Log
  readonly #background: BackgroundWork
  readonly #reporter: Reporter
  readonly #confirmer: DropConfirmer
  #waiting: Task[] = []
  readonly #running = new Map<Task, Job>()
  /** The group of small copies whose bytes are being received. */
  #receiving: readonly ReplicateTask[] | undefined
  readonly #progress: ProgressTeller

  constructor(dependencies: ReplicatorDependencies) {
    this.#fetcher = dependencies.fetcher
    this.#shelf = dependencies.shelf
    this.#capacity = dependencies.capacity
    this.#log = dependencies.log
    this.#background = new BackgroundWork(dependencies)
    this.#reporter = new Reporter(dependencies)
    const { link } = dependencies
    const tell = link.progress.bind(link)
    this.#progress = new ProgressTeller({ ...dependencies, tell })
    this.#confirmer = new DropConfirmer(dependencies)
  }

  /**
   * Accepts all of `tasks` or none. Tasks that are already queued or running are skipped.
   * @throws AppError TASK_REFUSED
   */
  accept(tasks: readonly Task[]): void {
    if (this.#background.signal.aborted)
      throw new AppError('TASK_REFUSED', { reason: 'it is stopping' })
    const known = new Set([...this.#waiting, ...this.#running.keys()].map(({ taskId }) => taskId))
    const added = tasks.filter(({ taskId }) => !known.has(taskId))
    if (this.#waiting.length + added.length > limits.tasksWaitingMax)
      throw new AppError('TASK_REFUSED', { reason: `${this.#waiting.length} tasks are waiting` })
    this.#waiting.push(...added)
    this.#startNext()
  }

  /** Cancels tasks: removes queued ones, and ends running ones, whose partial data is kept. */
  cancel(taskIds: readonly string[]): void {
    const cancelled = new Set(taskIds)
    this.#waiting = this.#waiting.filter(({ taskId }) => !cancelled.has(taskId))
    for (const [task, { wanted, stop }] of this.#running) {
      if (!cancelled.has(task.taskId)) continue
      wanted.delete(task)
      if (wanted.size === 0)
        stop.abort(new AppError('TASK_REFUSED', { reason: 'the index took it back' }))
    }
  }

  /**
   * Whether this peer has each of these contents on its disk. A replica that it is about to remove does
   * not count: the index may have allowed that already.
   */
  async confirmCopies(sha256s: readonly string[]): Promise<boolean[]> {
    const confirmed = sha256s.map(() => false)
    await inParallel(sha256s.entries(), copiesConfirmedAtOnce, async ([position, sha256]) => {
      const isDropping = this.#running
        .keys()
        .some((task) => task.kind === 'drop' && task.sha256 === sha256)
      confirmed[position] = await this.#shelf.hasCopy(sha256, { mayBeReplica: !isDropping })
    })
    return confirmed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#background[Symbol.asyncDispose](),
      this.#confirmer[Symbol.asyncDispose](),
    ])
    await this.#progress[Symbol.asyncDispose]()
    await this.#reporter[Symbol.asyncDispose]()
  }

  #startNext(): void {
    for (;;) {
      const isReceiving = this.#receiving !== undefined
      const places = new Set(nextTasks(this.#waiting, this.#running.keys(), isReceiving))
      if (places.size === 0) return
      const tasks = this.#waiting.filter((_, place) => places.has(place))
      this.#waiting = this.#waiting.filter((_, place) => !places.has(place))
      const small = tasks.filter(isSmallCopy)
      const job: Job = { tasks, small, wanted: new Set(tasks), stop: new AbortController() }
      for (const task of tasks) this.#running.set(task, job)
      if (small.length > 0) this.#receiving = small
      this.#background.start('tasks', (ending) => this.#runJob(job, ending))
    }
  }

  async #runJob({ tasks, small, stop }: Job, ending: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([ending, stop.signal])
    if (small.length > 0) await this.#runSmall(small, signal)
    else for (const task of tasks) await this.#run(task, signal)
    if (ending.aborted || !signal.aborted) return
    for (const task of tasks) this.#forget(task)
    this.#startNext()
  }

  #forget(task: Task): void {
    this.#running.delete(task)
    this.#progress.delete(task.taskId)
  }

  /** Small copies share requests, transactions and announcements; each has its own outcome. */
  async #runSmall(tasks: readonly ReplicateTask[], signal: AbortSignal): Promise<void> {
    using reserved = new DisposableStack()
    const keyed = tasks.map((task) => ({ task, key: this.#keyWithRoom(task, reserved) }))
    const copies = keyed.flatMap(({ task: { content, sources }, key }) =>
      key instanceof AppError ? [] : [{ key, content, sources }],
    )
    const outcomes = await this.#keepSmall(tasks, copies, signal)
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

  /** The key of a task whose replica fits into what this peer gives; or why not. */
  #keyWithRoom(task: ReplicateTask, reserved: DisposableStack): ReplicaKey | AppError {
    try {
      const key = keyOf(task)
      reserved.use(this.#capacity.reserve(task.content.size))
      return key
    } catch (error) {
      return toAppError(error)
    }
  }

  /** The bytes of all are reported as progress of the first of `tasks`. */
  async #keepSmall(
    tasks: readonly ReplicateTask[],
    copies: readonly SmallCopy[],
    signal: AbortSignal,
  ): Promise<SmallOutcome[]> {
    const [first] = tasks
    let bytes = 0
    const expectedBytes = copies.reduce((sum, { content }) => sum + content.size, 0)
    const onBytes = (count: number): void => {
      bytes += count
      if (bytes >= expectedBytes) this.#onReceived(tasks)
    }
    if (first !== undefined) this.#progress.add(first.taskId, () => ({ bytes }))
    try {
      return await this.#fetcher.keepSmall(copies, { signal, onBytes })
    } catch (error) {
      return copies.map(() => toAppError(error))
    } finally {
      this.#onReceived(tasks)
    }
  }

  /** The next group of small copies is received while this one is stored. */
  #onReceived(tasks: readonly ReplicateTask[]): void {
    if (this.#receiving !== tasks) return
    this.#receiving = undefined
    if (!this.#background.signal.aborted) this.#startNext()
  }

  async #run(task: Task, signal: AbortSignal): Promise<void> {
    let failure: unknown
    try {
      await (task.kind === 'drop' ? this.#drop(task, signal) : this.#replicate(task, signal))
    } catch (error) {
      failure = error
    }
    if (signal.aborted) return
    this.#reporter.add([this.#onEnd(task, failure)])
    this.#startNext()
  }

  /** The outcome to report of a task that has ended. */
  #onEnd(task: Task, failure: unknown): TaskOutcome {
    const { taskId, kind, owner, name } = task
    this.#forget(task)
    if (failure === undefined) return { taskId }
    const { code } = toAppError(failure)
    const reason = taskReasonOf(failure)
    this.#log.warn({ kind, owner, name, code, reason }, 'task failed')
    return { taskId, error: code, reason }
  }

  async #replicate(task: ReplicateTask, signal: AbortSignal): Promise<void> {
    const { taskId, content, sources } = task
    const key = keyOf(task)
    using _ = this.#capacity.reserve(content.size)
    this.#progress.add(taskId, () => ({ bytes: 0, isStoring: true }))
    if ((await this.#shelf.copyLocal(content.sha256, key)) !== undefined) return
    signal.throwIfAborted()
    const run = this.#fetcher.fetch({ content, name: key.name, sources, signal })
    this.#progress.add(taskId, () => ({
      bytes: run.receivedBytes + run.reusedBytes,
      isStoring: run.verifiedBytes === content.size,
    }))
    await using fetched = await run.fetched
    try {
      const { partialPath, chunkList } = fetched
      await this.#shelf.adopt({ key, content, partialPath, chunkList })
    } catch (error) {
      // The next attempt need not fetch it again.
      if (hasCode(error, 'DISK_FULL') || hasCode(error, 'DISK_FAILED')) fetched.keep?.()
      throw error
    }
  }

  /** The task's reason may no longer hold: the index confirms the drop immediately before it. */
  async #drop(task: DropTask, signal: AbortSignal): Promise<void> {
    const { owner, name } = keyOf(task)
    const copy = { owner, name, sha256: task.sha256 }
    if (!(await this.#confirmer.confirm(copy, signal))) throw new AppError('STILL_NEEDED', { name })
    await this.#shelf.removeReplica(copy)
  }
}

/**
 * The key of a task's file, validated because it becomes a path.
 * @throws AppError PEER_ID_INVALID, NAME_INVALID
 */
function keyOf({ owner, name }: Task): ReplicaKey {
  return { kind: 'replicated', owner: parsePeerId(owner), name: parseName(name) }
}
