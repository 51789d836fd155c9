import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../../common/disk-error.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { makeFolder } from '../../common/make-folder.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import type { PeerApi } from '../api/calls.ts'
import { DownloadRecords } from '../download/download-records.ts'
import { Downloads } from '../download/downloads.ts'
import { ChunkThreads } from '../fetch/disk/chunk-threads.ts'
import { Fetcher } from '../fetch/fetcher.ts'
import type { Client } from './client.ts'
import type { DirectShelf } from './direct-shelf.ts'
import type { Target } from './target.ts'

export type DownloadApi = Pick<PeerApi, 'startDownload' | 'download' | 'pauseDownload'>

/** Downloads without a peer; disposing ends them. */
export interface DirectDownload extends DownloadApi, AsyncDisposable {
  /** Stores partial data. */
  readonly folderBeside: string
}

/**
 * Downloads into a file or folder, without a peer: the same downloads as a peer's, with partial data in a
 * folder beside the target. Resumes an earlier attempt; disposing removes the folder unless it holds data
 * to resume.
 * @throws AppError NAME_BLOCKED if another process downloads to the same target, DISK_FULL, DISK_FAILED
 */
export async function openDirectDownload(
  shelf: DirectShelf,
  client: Client,
): Promise<DirectDownload> {
  const { target } = shelf
  await using opening = new AsyncDisposableStack()
  const partialFolder = join(target.folderBeside, 'partial')
  opening.use(await claimFolder(target))
  opening.defer(() => removeUnlessNeeded(target.folderBeside, partialFolder))
  const workers = opening.use(new ChunkThreads())
  const { localChunks } = shelf
  const fetcher = opening.use(
    await Fetcher.open({ partialFolder }, { ...client, workers, localChunks }),
  )
  const records = opening.use(new DownloadRecords(':memory:', client))
  const downloads = opening.use(
    new Downloads(
      { downloadsAtOnce: 1 },
      { ...client, shelf, folder: target.folder, fetcher, records },
    ),
  )
  const stack = opening.move()
  return {
    folderBeside: target.folderBeside,
    startDownload: async (request) => downloads.start(request),
    download: ({ id, waitMs }, signal) => downloads.wait(id, waitMs, signal),
    pauseDownload: ({ id }) => downloads.pause(id),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Creates the folder and locks it for this process, until the process ends at the latest. */
async function claimFolder({ path, folderBeside }: Target): Promise<Disposable> {
  try {
    await makeFolder(folderBeside)
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
