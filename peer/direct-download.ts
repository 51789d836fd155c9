import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../common/disk-error.ts'
import { AppError, hasCode } from '../common/errors.ts'
import { type Database, openDatabase } from '../common/sqlite.ts'
import type { PeerApi } from './api.ts'
import type { Client } from './client.ts'
import { ChunkThreads } from './fetch/chunk-threads.ts'
import { DownloadRecords } from './fetch/download-records.ts'
import { Downloads } from './fetch/downloads.ts'
import { Fetcher } from './fetch/fetcher.ts'
import type { TargetFile } from './target-file.ts'

export type DownloadApi = Pick<PeerApi, 'startDownload' | 'download' | 'cancelDownload'>

/**
 * Downloads into one file, without a peer: the same downloads as a peer's, with what is unfinished in
 * a folder beside the target. What an earlier try left there is gone on with; disposing removes the
 * folder unless there is something to go on with.
 * @throws AppError NAME_BLOCKED when another process downloads to the same target, DISK_FULL, DISK_FAILED
 */
export async function openDirectDownload(
  target: TargetFile,
  client: Client,
): Promise<DownloadApi & AsyncDisposable> {
  await using opening = new AsyncDisposableStack()
  const partialFolder = join(target.folderBeside, 'partial')
  opening.use(await claimFolder(target))
  opening.defer(() => removeUnlessNeeded(target.folderBeside, partialFolder))
  const workers = opening.use(new ChunkThreads())
  const fetcher = opening.use(await Fetcher.open({ partialFolder }, { ...client, workers }))
  const records = opening.use(new DownloadRecords(':memory:'))
  const steps = {
    lookup: client.finder.lookup.bind(client.finder),
    copyLocal: (_: string, sha256: string) => target.held(sha256),
    adopt: async (_: string, { sha256 }: { sha256: string }, file: { partialPath: string }) =>
      await target.put(file.partialPath, sha256),
  }
  const downloads = opening.use(
    new Downloads({ downloadsAtOnce: 1 }, { ...client, fetcher, records, steps }),
  )
  const stack = opening.move()
  return {
    startDownload: async (request) => downloads.start(request),
    download: (id, waitMs, signal) => downloads.wait(id, waitMs, signal),
    cancelDownload: (id) => downloads.cancel(id),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Makes the folder and takes it for this process, until the end of the process at the latest. */
async function claimFolder({ path, folderBeside }: TargetFile): Promise<Disposable> {
  try {
    await mkdir(folderBeside, { recursive: true })
    const lock: Database = openDatabase(join(folderBeside, 'lock'), { migrations: [], busyMs: 0 })
    return { [Symbol.dispose]: () => void lock.close() }
  } catch (error) {
    if (!hasCode(error, 'DATA_IN_USE'))
      throw diskError({ action: 'write to', path: folderBeside, neededBytes: 0 }, error)
    throw new AppError('NAME_BLOCKED', { name: path, reason: 'another download is writing it' })
  }
}

async function removeUnlessNeeded(folder: string, partialFolder: string): Promise<void> {
  const kept = await readdir(partialFolder).catch(() => [])
  if (kept.length === 0) await rm(folder, { recursive: true, force: true })
}
