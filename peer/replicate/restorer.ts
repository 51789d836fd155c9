import { BackgroundWork } from '../../common/background.ts'
import { AppError, reasonOf } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import type { Log } from '../../common/log.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'
import type { ReplicaFetcher, ReplicaShelf } from './replicator.ts'

/** Files that are restored at the same time; more are refused. */
const restoredAtOnceMax = 1_000

interface Dependencies {
  readonly fetcher: Pick<ReplicaFetcher, 'fetch'>
  readonly shelf: Pick<ReplicaShelf, 'adopt' | 'copyLocal'>
  readonly log: Log
}

/** Brings deleted files back into shared/, under their names, never over another file. */
export class Restorer implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  /** By name and content. */
  readonly #running = new Map<string, Promise<void>>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  /** Starts to restore a file for another peer. Never throws: a failure is logged. */
  accept(file: { name: string; content: FoundContent }): void {
    const { log } = this.#dependencies
    const { name } = file
    this.restore(file).then(
      () => log.info({ name }, 'restored a deleted file'),
      (error: unknown) => log.warn({ name, reason: reasonOf(error) }, 'a file was not restored'),
    )
  }

  /**
   * Fetches a deleted file and shares it; joins a running restoration of it.
   * @throws AppError NAME_INVALID, NAME_EXISTS, NAME_BLOCKED, NO_SOURCE, TASK_REFUSED; errors of
   *   fetching and of the disk
   */
  async restore(file: { name: string; content: FoundContent }): Promise<void> {
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
        await this.#run(name, file.content, signal)
        resolve()
      } catch (error) {
        reject(signal.aborted ? new AppError('STOPPING') : error)
      } finally {
        this.#running.delete(key)
      }
    })
    await promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  async #run(name: string, found: FoundContent, signal: AbortSignal): Promise<void> {
    const { fetcher, shelf } = this.#dependencies
    const { sources, ...content } = found
    const key = { kind: 'shared', name } as const
    if ((await shelf.copyLocal(content.sha256, key)) !== undefined) return
    if (sources.length === 0) throw new AppError('NO_SOURCE', { name, tried: 'none is live' })
    signal.throwIfAborted()
    const run = fetcher.fetch({ content, name, sources, signal })
    await using fetched = await run.fetched
    const { partialPath, chunkList } = fetched
    await shelf.adopt({ key, content, partialPath, chunkList })
  }
}
