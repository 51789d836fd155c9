/**
 * Watches folders with the operating system's notifications: one watch for each folder, none for
 * files. Notifications only say where to look. Some are lost if many come at the same time or if
 * the disk is on another machine, so the periodic scan remains necessary.
 */
import { type BigIntStats, watch } from 'node:fs'
import { lstat, opendir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Cancel, Clock } from '../../common/clock.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import { isGone } from './is-gone.ts'

/**
 * Events reported together: half of the system's queue (fs.inotify.max_queued_events), beyond which
 * it may have dropped some.
 */
export const watchEventsTold = 8_192

export interface WatchListener {
  /** The file at this path may have changed. */
  onChange(path: string): void
  /**
   * Anything below this path may have changed: a folder was created or deleted, or notifications
   * were dropped.
   */
  onFolder(path: string): void
  /** All folders are watched from now on. */
  onReady(): void
  /** Why some folders cannot be watched; undefined if all are. */
  onLimit(reason: string | undefined): void
  /** Whether this path is known to be a file. */
  isKnownFile(path: string): boolean
}

/** Watches one folder, following a link. @throws system errors */
export type WatchFolder = (
  path: string,
  onEvent: (event: 'rename' | 'change', name: string | null) => void,
  onError: (error: unknown) => void,
) => Disposable

interface Dependencies {
  readonly clock: Clock
  readonly log: Log
  readonly watchFolder?: WatchFolder
}

/** Starts to watch folders and all folders below them. Links below them are not followed. */
export type WatchFolders = (
  folders: readonly string[],
  listener: WatchListener,
  dependencies: Dependencies,
) => AsyncDisposable

export const watchFolders: WatchFolders = (folders, listener, dependencies) => {
  const watcher = new FolderWatcher(folders, listener, dependencies)
  watcher.start()
  return watcher
}

/**
 * Changes are reported together after this time, because one written file changes thousands of
 * times.
 */
const gatherMs = 50
/** Delay before watching a refused folder is retried; doubled after each failure. */
const retryMs = { first: 60_000, last: 3_600_000 } as const

interface Watched {
  readonly identity: string
  /** Undefined if the operating system refused it. */
  handle: Disposable | undefined
  readonly children: Map<string, Watched>
}

class FolderWatcher implements AsyncDisposable {
  readonly #roots: ReadonlyMap<string, string>
  readonly #listener: WatchListener
  readonly #clock: Clock
  readonly #log: Log
  readonly #watchFolder: WatchFolder
  readonly #queue = new SerialQueue()
  /** Watched roots by their path. */
  readonly #watched = new Map<string, Watched>()
  /** The parents of the roots, because a root may be created again. */
  readonly #gates = new Map<string, Disposable>()
  /** Changed paths, and the number of changes since the last report. */
  readonly #changed = new Set<string>()
  /** Those of them that were created or deleted. */
  readonly #renamed = new Set<string>()
  #events = 0
  #limit: string | undefined
  #cancelTimer: Cancel | undefined
  #cancelRetry: Cancel | undefined
  #retryMs: number = retryMs.first
  #isDisposed = false

  constructor(folders: readonly string[], listener: WatchListener, dependencies: Dependencies) {
    this.#roots = new Map(folders.map((path) => [path, dirname(path)]))
    this.#listener = listener
    this.#clock = dependencies.clock
    this.#log = dependencies.log
    this.#watchFolder = dependencies.watchFolder ?? watchOne
  }

  start(): void {
    this.#inTurn(async () => {
      await this.#watchAll()
      this.#listener.onReady()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    this.#cancelTimer?.()
    this.#cancelRetry?.()
    await this.#queue.run(async () => {
      for (const handle of this.#gates.values()) handle[Symbol.dispose]()
      for (const root of this.#watched.values()) close(root)
      this.#watched.clear()
    })
  }

  /** Serializes changes of the tree of watches. */
  #inTurn(work: () => Promise<void>): void {
    this.#queue
      .run(async () => {
        if (!this.#isDisposed) await work()
      })
      .catch((error: unknown) => {
        this.#log.warn({ reason: reasonOf(error) }, 'a change of the watched folders failed')
      })
  }

  /** Watches the folders that are not watched yet. */
  async #watchAll(): Promise<void> {
    const limitBefore = this.#limit
    this.#limit = undefined
    for (const [root, above] of this.#roots) {
      if (!this.#gates.has(above)) {
        const gate = this.#open(above, (event, name) => this.#onEvent(event, above, name, true))
        if (gate !== undefined) this.#gates.set(above, gate)
      }
      await this.#follow(root, true)
    }
    if (this.#limit !== limitBefore) this.#tellLimit()
    this.#retryLater()
  }

  #retryLater(): void {
    if (this.#limit === undefined) this.#retryMs = retryMs.first
    if (this.#limit === undefined || this.#isDisposed) return
    this.#cancelRetry ??= this.#clock.after(this.#retryMs, () => {
      this.#cancelRetry = undefined
      this.#retryMs = Math.min(2 * this.#retryMs, retryMs.last)
      this.#inTurn(() => this.#watchAll())
    })
  }

  #tellLimit(): void {
    const reason = this.#limit
    if (reason === undefined) this.#log.info('all folders are watched again')
    else this.#log.warn({ reason }, 'only the periodic scan finds some changes')
    this.#listener.onLimit(reason)
  }

  /**
   * Updates the tree of watches at `path`.
   * @param mustFill whether to look below an unchanged folder, too
   * @returns whether a folder was created or deleted
   */
  async #follow(path: string, mustFill = false): Promise<boolean> {
    const isRoot = this.#roots.has(path)
    const siblings = isRoot ? this.#watched : this.#find(dirname(path))?.children
    const key = isRoot ? path : basename(path)
    const before = siblings?.get(key)
    const isRenamed = this.#renamed.delete(path)
    const found = await this.#look(path, isRoot)
    if (found === undefined) {
      if (before === undefined) return false
      siblings?.delete(key)
      close(before)
      return true
    }
    if (siblings === undefined) return false
    const identity = `${found.dev}:${found.ino}`
    if (before?.identity === identity && !isRenamed) {
      if (mustFill || before.handle === undefined) await this.#fill(path, before)
      return false
    }
    // A new folder may have the inode of a deleted one, whose watch has ended.
    if (before !== undefined) close(before)
    const watched: Watched = { identity, handle: undefined, children: new Map() }
    siblings.set(key, watched)
    await this.#fill(path, watched)
    return true
  }

  /**
   * Watches a folder before listing it, so that entries created meanwhile are reported or found.
   */
  async #fill(path: string, watched: Watched): Promise<void> {
    watched.handle ??= this.#open(path, (event, name) => this.#onEvent(event, path, name, false))
    const gone = new Set(watched.children.keys())
    try {
      for await (const entry of await opendir(path)) {
        if (this.#isDisposed) return
        if (!entry.isDirectory()) continue
        gone.delete(entry.name)
        await this.#follow(join(path, entry.name), true)
      }
      for (const name of gone) await this.#follow(join(path, name))
    } catch (error) {
      if (!isGone(error)) this.#log.debug({ path, reason: reasonOf(error) }, 'not watched')
    }
  }

  #open(path: string, onEvent: Parameters<WatchFolder>[1]): Disposable | undefined {
    try {
      const onError = (error: unknown): void => this.#onRefused(path, error)
      return this.#watchFolder(path, onEvent, onError)
    } catch (error) {
      this.#onRefused(path, error)
      return undefined
    }
  }

  #onRefused(path: string, error: unknown): void {
    if (isGone(error)) return
    this.#log.debug({ path, reason: reasonOf(error) }, 'a folder cannot be watched')
    this.#limit ??= limitOf(error)
  }

  #onEvent(event: string, folder: string, name: string | null, isGate: boolean): void {
    const path = name === null ? folder : join(folder, name)
    if (this.#isDisposed || (isGate && !this.#roots.has(path))) return
    this.#events++
    if (this.#changed.size < limits.changeHintsMax) {
      this.#changed.add(path)
      if (event === 'rename' && this.#find(path) !== undefined) this.#renamed.add(path)
    }
    this.#cancelTimer ??= this.#clock.after(gatherMs, () => {
      this.#cancelTimer = undefined
      this.#inTurn(() => this.#tellAll())
    })
  }

  async #tellAll(): Promise<void> {
    const paths = [...this.#changed]
    // The system drops notifications when its queue is full, without reporting it here.
    const isTooMany = this.#events > watchEventsTold
    this.#changed.clear()
    this.#events = 0
    const limitBefore = this.#limit
    for (const path of paths) {
      if (this.#isDisposed) return
      if (!this.#listener.isKnownFile(path) && (await this.#follow(path)))
        this.#listener.onFolder(path)
      else if (this.#find(path) === undefined) this.#listener.onChange(path)
    }
    if (isTooMany)
      for (const root of this.#roots.keys()) {
        await this.#follow(root, true)
        this.#listener.onFolder(root)
      }
    if (this.#limit !== limitBefore) this.#tellLimit()
    this.#retryLater()
  }

  /** The folder at a path; a root may be a link to one. */
  async #look(path: string, isRoot: boolean): Promise<BigIntStats | undefined> {
    try {
      const options = { bigint: true } as const
      const found = isRoot ? await stat(path, options) : await lstat(path, options)
      return found.isDirectory() ? found : undefined
    } catch {
      return undefined
    }
  }

  #find(path: string): Watched | undefined {
    const root = this.#watched.get(path)
    if (root !== undefined || path === dirname(path)) return root
    return this.#find(dirname(path))?.children.get(basename(path))
  }
}

function close(watched: Watched): void {
  watched.handle?.[Symbol.dispose]()
  for (const child of watched.children.values()) close(child)
}

/** The meaning of an operating system's refusal to watch, with a remedy. */
function limitOf(error: unknown): string {
  const code = systemErrorCode(error)
  if (code === 'ENOSPC')
    return 'the limit of watches is reached: raise the sysctl fs.inotify.max_user_watches'
  if (code === 'EMFILE')
    return 'the limit of watching processes is reached: raise the sysctl fs.inotify.max_user_instances'
  return `the system does not watch some folders: ${reasonOf(error)}`
}

const watchOne: WatchFolder = (path, onEvent, onError) => {
  const watcher = watch(path, { persistent: false }, onEvent)
  watcher.on('error', onError)
  return { [Symbol.dispose]: () => watcher.close() }
}
