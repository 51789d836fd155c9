import { type FSWatcher, watch } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { BackgroundWork } from '../../common/background.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import { isInside } from './folders.ts'
import { isFolder, isGone } from './walk.ts'

export interface WatchListener {
  /** Something happened to the file at this path, or to what was there: a folder goes with all below it. */
  onChange(path: string): void
  /** Whether a path is known to be that of a file: then nobody looks whether it is a new folder. */
  isFile(path: string): boolean
  /** From now on nothing is missed that the operating system tells. */
  onReady(): void
}

/** Starts to watch folders and all below them. */
export type WatchFolders = (
  folders: readonly string[],
  listener: WatchListener,
  dependencies: { log: Log },
) => AsyncDisposable

/** Where the operating system watches a folder with all below it by itself. */
const watchesBelow = process.platform === 'darwin' || process.platform === 'win32'

/**
 * Watches with the operating system's notifications. They only say where to look: some get lost when
 * many come at once or the disk is another machine's, which is what the periodic scan is for.
 */
export const watchFolders: WatchFolders = (folders, listener, { log }) =>
  new FolderWatch(folders, listener, { log })

class FolderWatch implements AsyncDisposable {
  readonly #folders: ReadonlySet<string>
  readonly #listener: WatchListener
  readonly #log: Log
  readonly #work: BackgroundWork
  readonly #watchers = new Map<string, FSWatcher>()
  /** What may be a folder that came or went. */
  readonly #paths = new Set<string>()
  #isLooking = false
  #hasFailed = false

  constructor(folders: readonly string[], listener: WatchListener, dependencies: { log: Log }) {
    this.#folders = new Set(folders)
    this.#listener = listener
    this.#log = dependencies.log
    this.#work = new BackgroundWork(dependencies)
    this.#work.start('watch folders', async (signal) => {
      for (const above of new Set(folders.map((folder) => dirname(folder)))) this.#watchAbove(above)
      for (const folder of folders) await this.#enter(folder, { tells: false })
      if (!signal.aborted) listener.onReady()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work[Symbol.asyncDispose]()
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }

  /** The folder that the given ones are in tells when one of them is made anew. */
  #watchAbove(above: string): void {
    this.#watch(above, (event, path) => {
      if (event === 'rename' && this.#folders.has(path)) this.#lookSoon(path)
    })
  }

  /** Watches a folder and those below it; tells of the files that are there if they may be news. */
  async #enter(folder: string, { tells }: { tells: boolean }): Promise<void> {
    if (!watchesBelow || this.#folders.has(folder))
      this.#watch(folder, (event, path) => this.#onEvent(event, path))
    // What came before it was watched is found now.
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
    for (const entry of entries) {
      if (this.#work.signal.aborted) return
      const path = join(folder, entry.name)
      if (entry.isDirectory()) await this.#enter(path, { tells })
      else if (tells) this.#listener.onChange(path)
    }
  }

  #watch(folder: string, onEvent: (event: string, path: string) => void): void {
    if (this.#work.signal.aborted) return
    try {
      const watcher = watch(folder, { recursive: watchesBelow }, (event, name) => {
        if (name !== null) onEvent(event, join(folder, name))
      })
      watcher.on('error', (error) => this.#onFailure(error))
      // Entered twice, as when it came while the folder that it is in was read, it is watched once.
      this.#watchers.get(folder)?.close()
      this.#watchers.set(folder, watcher)
    } catch (error) {
      this.#onFailure(error)
    }
  }

  #onEvent(event: string, path: string): void {
    // What is merely changed was there before.
    if (event === 'change' || this.#listener.isFile(path)) this.#listener.onChange(path)
    else this.#lookSoon(path)
  }

  #lookSoon(path: string): void {
    this.#paths.add(path)
    if (this.#isLooking) return
    this.#isLooking = true
    this.#work.start('look for folders', async (signal) => {
      for (const each of this.#paths) {
        this.#paths.delete(each)
        if (!signal.aborted) await this.#look(each)
      }
      this.#isLooking = false
    })
  }

  async #look(path: string): Promise<void> {
    const isThere = await isFolder(path)
    // A folder that was there before may be another one by now, or somewhere else.
    this.#leave(path)
    if (isThere) await this.#enter(path, { tells: true })
    else this.#listener.onChange(path)
  }

  /** Watches a folder and those below it no longer. */
  #leave(folder: string): void {
    if (!this.#watchers.has(folder)) return
    for (const [path, watcher] of this.#watchers)
      if (isInside(folder, path)) {
        this.#watchers.delete(path)
        watcher.close()
      }
  }

  /** Where the operating system watches no more, each further folder is an error: only the first is news. */
  #onFailure(error: unknown): void {
    if (isGone(error)) return
    const level = this.#hasFailed ? 'debug' : 'warn'
    this.#hasFailed = true
    this.#log[level]({ reason: reasonOf(error) }, 'some changes are seen by the periodic scan only')
  }
}
