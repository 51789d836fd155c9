import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { Catalog } from './catalog.ts'
import { CatalogFileWatch } from './catalog-file-watch.ts'
import type { Folders } from './folders.ts'
import { pauseBetweenScansMs } from './rescan-pace.ts'
import type { Scanner } from './scanner.ts'
import { type WatchFolders, type WatchListener, watchFolders } from './watch-folders.ts'

/** How well the catalog knows the folders. */
export interface FoldersView {
  /** Since the start of the last scan that completed: a change that the system did not report may be this old. */
  readonly scannedMsAgo: number
  /** From the end of one scan to the next, at present. */
  readonly scanEveryMs: number
  /** Why the system does not report all changes; undefined when it does. */
  readonly watchProblem?: string
}

interface Dependencies {
  readonly catalog: Catalog
  readonly folders: Folders
  readonly scanner: Scanner
  readonly clock: Clock
  readonly log: Log
  readonly watch?: WatchFolders
}

/** Keeps the catalog up to date: scans all folders repeatedly, and watches them in between. */
export class CatalogKeeper {
  readonly #rescanMs: number
  readonly #dependencies: Dependencies
  readonly #file: CatalogFileWatch
  readonly #ready = Promise.withResolvers<void>()
  /** When the last scan that completed began (monotonic). */
  #scannedMs: number
  #pauseMs: number
  #watchProblem: string | undefined

  constructor({ rescanMs }: { rescanMs: number }, dependencies: Dependencies) {
    this.#rescanMs = rescanMs
    this.#dependencies = dependencies
    this.#file = new CatalogFileWatch(dependencies.folders.catalog, dependencies)
    this.#scannedMs = dependencies.clock.monotonicMs()
    this.#pauseMs = rescanMs
    this.#ready.promise.catch(() => {})
  }

  /** Resolves when the first scan has completed: all files that were there and quiet are in the catalog. */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  view(): FoldersView {
    const watchProblem = this.#watchProblem
    return {
      scannedMsAgo: Math.round(this.#dependencies.clock.monotonicMs() - this.#scannedMs),
      scanEveryMs: this.#pauseMs,
      ...(watchProblem !== undefined && { watchProblem }),
    }
  }

  /** @throws the signal's reason */
  async run(signal: AbortSignal): Promise<void> {
    const { catalog, clock } = this.#dependencies
    await using watching = new AsyncDisposableStack()
    for (;;) {
      this.keepFile()
      const costMs = await this.#scan(signal)
      const isFirst = costMs !== undefined && !catalog.isComplete
      const isWatched = this.#watchProblem === undefined
      const pace = { leastMs: this.#rescanMs, costMs: costMs ?? 0, isWatched }
      this.#pauseMs = pauseBetweenScansMs(pace)
      const pause = clock.sleep(this.#pauseMs, signal)
      if (isFirst) {
        this.#onFirstScan()
        const { promise: isReady, resolve: onReady } = Promise.withResolvers<void>()
        watching.use(this.#watch(onReady))
        // Changes from before the watcher was ready are found by a scan immediately after.
        await Promise.race([isReady, pause])
      } else await pause
    }
  }

  /** Rejects `ready`, unless it has resolved; the run ends with its signal. */
  stop(): void {
    this.#ready.reject(new AppError('STOPPING'))
  }

  /** Ensures that the catalog's file exists; called once more before the catalog is closed. */
  keepFile(): void {
    this.#file.keep()
  }

  /** @returns the processor time of the scan; undefined when it did not complete */
  async #scan(signal: AbortSignal): Promise<number | undefined> {
    const { catalog, scanner, clock, log } = this.#dependencies
    const startMs = clock.monotonicMs()
    try {
      const { costMs } = await scanner.scan({ signal, isThrottled: catalog.isComplete })
      this.#scannedMs = startMs
      return costMs
    } catch (error) {
      signal.throwIfAborted()
      log.error({ error }, 'scan failed')
      return undefined
    }
  }

  #onFirstScan(): void {
    const { catalog, scanner, log } = this.#dependencies
    catalog.markComplete()
    this.#ready.resolve()
    const problems = scanner.problems.list().length
    log.info({ files: catalog.totals(), problems }, 'first scan has ended')
  }

  #watch(onReady: () => void): AsyncDisposable {
    const { scanner, folders, watch = watchFolders, log, clock } = this.#dependencies
    const listener: WatchListener = {
      onReady,
      onChange: (path) => scanner.look(path),
      onFolder: (path) => scanner.lookBelow(path),
      onLimit: (reason) => (this.#watchProblem = reason),
      isKnownFile: (path) => scanner.isOwnWrite(path),
    }
    return watch([folders.shared, folders.downloaded, folders.replicated], listener, { log, clock })
  }
}
