import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode, reasonOf } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { oneLine } from '../../common/one-line.ts'
import type { CopyKey, FoundContent } from '../../common/protocol/messages.ts'
import type { FinishedFile } from '../shelf.ts'
import type { ReplicaFetcher } from './replicator.ts'

/** Files that are restored at the same time; more are refused. */
const restoredAtOnceMax = 1_000
/** The index is answered after this at the latest: well before its request and that of the user expire. */
const answerMs = 3_000

/** Where restored files go. */
export interface RestoreShelf {
  /**
   * Checks that a file of this size can be put into shared/ under its name.
   * @throws AppError NAME_EXISTS, NAME_BLOCKED, NAME_IGNORED, DISK_FULL, DISK_FAILED
   */
  checkRoomFor(file: { name: string; bytes: number; replace: boolean }): Promise<void>
  /** See {@link Shelf.copyLocal}. */
  copyLocal(sha256: string, key: CopyKey, options: { replace: boolean }): Promise<unknown>
  /** See {@link Shelf.adopt}. */
  adopt(file: FinishedFile & { replace: boolean }): Promise<unknown>
}

interface Dependencies {
  readonly fetcher: Pick<ReplicaFetcher, 'fetch'>
  readonly shelf: RestoreShelf
  readonly report: RestoreReport
  readonly clock: Clock
  readonly log: Log
}

interface RestoreFailure {
  readonly name: string
  readonly sha256: string
  /** One line. */
  readonly reason: string
}

/** Tells users of a failure that no caller waits for any longer. @throws errors of the index */
type RestoreReport = (failure: RestoreFailure, signal: AbortSignal) => Promise<void>

/** A content to fetch into shared/. */
export interface Restoration {
  readonly name: string
  readonly content: FoundContent
  /** Whether it may replace another file of that name; not if nothing is said. */
  readonly replace?: boolean
}

/** Brings deleted files back into shared/, and copies those of other peers there. */
export class Restorer implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  /** By name and content. */
  readonly #running = new Map<string, Promise<void>>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  /**
   * Restores a file for a caller that waits for a while. Resolves when it is restored, or after
   * `waitMs` if that takes longer; a later failure is reported to the index, which records it.
   * @throws AppError errors of {@link restore}, until then
   */
  async accept(file: Restoration, waitMs = answerMs): Promise<void> {
    const { log, clock } = this.#dependencies
    const { name } = file
    const ended = this.restore(file)
    const { promise: late, resolve } = Promise.withResolvers<void>()
    let isLate = false
    const cancel = clock.after(waitMs, () => {
      isLate = true
      resolve()
    })
    ended.then(
      () => log.info({ name }, 'restored a deleted file'),
      (error: unknown) => {
        log.warn({ name, reason: reasonOf(error) }, 'a file was not restored')
        if (isLate) this.#report(file, error)
      },
    )
    try {
      await Promise.race([ended, late])
    } finally {
      cancel()
    }
  }

  /**
   * Fetches a file and shares it; joins a running restoration of it.
   * @throws AppError NAME_INVALID, NAME_BLOCKED, NAME_IGNORED, NO_SOURCE, TASK_REFUSED, DISK_FULL; errors
   *   of fetching and of the disk
   */
  async restore(file: Restoration): Promise<void> {
    const name = parseName(file.name)
    const key = `${file.content.sha256}/${name}`
    const running = this.#running.get(key)
    if (running !== undefined) return await running
    if (this.#background.signal.aborted) throw new AppError('STOPPING')
    if (this.#running.size >= restoredAtOnceMax)
      throw new AppError('TASK_REFUSED', { reason: `${this.#running.size} files are restored` })
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#running.set(key, promise)
    this.#background.start('restore a file', async (signal) => {
      try {
        await this.#run({ ...file, name }, signal)
        resolve()
      } catch (error) {
        reject(signal.aborted ? new AppError('STOPPING') : refusalOf(error, name))
      } finally {
        this.#running.delete(key)
      }
    })
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  #report({ name, content: { sha256 } }: Restoration, error: unknown): void {
    const { report, log } = this.#dependencies
    this.#background.start('report a file that was not restored', async (signal) => {
      const reason = oneLine(reasonOf(error), limits.taskReasonCharactersMax)
      try {
        await report({ name, sha256, reason }, signal)
      } catch (failure) {
        // It stays in the trash, and the log has the reason.
        log.debug({ name, reason: reasonOf(failure) }, 'the index was not told')
      }
    })
  }

  async #run(file: Restoration, signal: AbortSignal): Promise<void> {
    const { fetcher, shelf } = this.#dependencies
    const { name, replace = false } = file
    const { sources, ...content } = file.content
    const key = { kind: 'shared', name } as const
    await shelf.checkRoomFor({ name, bytes: content.size, replace })
    if ((await shelf.copyLocal(content.sha256, key, { replace })) !== undefined) return
    if (sources.length === 0) throw new AppError('NO_SOURCE', { name, tried: 'none is live' })
    signal.throwIfAborted()
    const run = fetcher.fetch({ content, name, sources, signal })
    await using fetched = await run.fetched
    const { partialPath, chunkList } = fetched
    await shelf.adopt({ key, content, partialPath, chunkList, replace })
  }
}

/** The remedies of NAME_EXISTS are those of a push. */
function refusalOf(error: unknown, name: string): unknown {
  if (!hasCode(error, 'NAME_EXISTS')) return error
  const reason = 'a file with other content has this name in shared/'
  return new AppError('NAME_BLOCKED', { name, reason }, { cause: error })
}
