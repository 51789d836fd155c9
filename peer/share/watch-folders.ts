import { watch } from 'chokidar'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'

/** Starts to watch folders; `onChange` gets the path of each file that came, went or changed since it resolved. */
export type WatchFolders = (
  folders: readonly string[],
  onChange: (path: string) => void,
  dependencies: { log: Log },
) => Promise<AsyncDisposable>

/**
 * Watches with the operating system's notifications. They only say where to look: some get lost when
 * many come at once or the disk is another machine's, which is what the periodic scan is for.
 */
export const watchFolders: WatchFolders = async (folders, onChange, { log }) => {
  const watcher = watch([...folders], {
    ignoreInitial: true,
    followSymlinks: false,
    // Whether a file is still being written is for the catalog to judge.
    atomic: false,
    ignorePermissionErrors: true,
  })
  for (const event of ['add', 'change', 'unlink'] as const)
    watcher.on(event, (path: string) => onChange(path))
  watcher.on('error', (error) =>
    log.warn({ reason: reasonOf(error) }, 'some changes are seen by the periodic scan only'),
  )
  const { promise: ready, resolve } = Promise.withResolvers<void>()
  watcher.once('ready', resolve)
  await ready
  return { [Symbol.asyncDispose]: async () => await watcher.close() }
}
