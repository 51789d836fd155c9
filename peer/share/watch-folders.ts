import { watch } from 'chokidar'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'

export interface WatchListener {
  /** Something happened to the file at this path. */
  onChange(path: string): void
  /** From now on nothing is missed that the operating system tells. */
  onReady(): void
}

/** Starts to watch folders and all below them. */
export type WatchFolders = (
  folders: readonly string[],
  listener: WatchListener,
  dependencies: { log: Log },
) => AsyncDisposable

/**
 * Watches with the operating system's notifications. They only say where to look: some get lost when
 * many come at once or the disk is another machine's, which is what the periodic scan is for.
 */
export const watchFolders: WatchFolders = (folders, listener, { log }) => {
  const watcher = watch([...folders], {
    ignoreInitial: true,
    followSymlinks: false,
    // Whether a file is still being written is for the catalog to judge.
    atomic: false,
    ignorePermissionErrors: true,
  })
  for (const event of ['add', 'change', 'unlink'] as const)
    watcher.on(event, (path: string) => listener.onChange(path))
  watcher.once('ready', () => listener.onReady())
  // Where the operating system watches no more, each further file is an error: only the first is news.
  let level: 'warn' | 'debug' = 'warn'
  watcher.on('error', (error) => {
    log[level]({ reason: reasonOf(error) }, 'some changes are seen by the periodic scan only')
    level = 'debug'
  })
  return { [Symbol.asyncDispose]: async () => await watcher.close() }
}
