import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../../common/disk-error.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { makeFolder } from '../../common/make-folder.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import type { PeerApi } from '../api/calls.ts'
import { DownloadRecords } from '../download/download-records.ts'
import type { DownloadSteps } from '../download/download-work.ts'
import { Downloads } from '../download/downloads.ts'
import type { GroupSteps } from '../download/group-download.ts'
import { ChunkThreads } from '../fetch/disk/chunk-threads.ts'
import { Fetcher } from '../fetch/fetcher.ts'
import type { Client } from './client.ts'
import type { TargetFile } from './target-file.ts'
import type { TargetFolder } from './target-folder.ts'

export type DownloadApi = Pick<PeerApi, 'startDownload' | 'download' | 'pauseDownload'>

/** Downloads without a peer; disposing ends them. */
export interface DirectDownload extends DownloadApi, AsyncDisposable {
  /** Where what is unfinished is kept. */
  readonly folderBeside: string
}

/**
 * Downloads into one file, without a peer: the same downloads as a peer's, with what is unfinished in
 * a folder beside the target. What an earlier try left there is gone on with; disposing removes the
 * folder unless there is something to go on with.
 * @throws AppError NAME_BLOCKED when another process downloads to the same target, DISK_FULL, DISK_FAILED
 */
export async function openDirectDownload(
  target: TargetFile,
  client: Client,
): Promise<DirectDownload> {
  const steps: DownloadSteps = {
    lookup: (name, signal, sha256) => client.finder.lookup(name, signal, sha256),
    copyLocal: (_, sha256) => target.held(sha256),
    adopt: (_, { sha256 }, { partialPath }) => target.put(partialPath, sha256),
  }
  return await openDownloads(target, client, { steps })
}

/**
 * Downloads many files into a folder, below which they have their whole names; as
 * {@link openDirectDownload} does otherwise.
 */
export async function openDirectGroupDownload(
  target: TargetFolder,
  client: Client,
): Promise<DirectDownload> {
  const steps: DownloadSteps = {
    lookup: (name, signal, sha256) => client.finder.lookup(name, signal, sha256),
    copyLocal: (name, sha256) => target.held(name, sha256),
    adopt: (name, { sha256 }, { partialPath }) => target.put(name, partialPath, sha256),
  }
  const groupSteps: GroupSteps = {
    folder: target.path,
    match: (request, signal) => client.finder.match(request, signal),
    areThere: (files) => target.areThere(files),
    readLocal: async (sha256s) => sha256s.map(() => undefined),
    place: (files) => target.place(files),
  }
  return await openDownloads(target, client, { steps, groupSteps })
}

async function openDownloads(
  target: { readonly path: string; readonly folderBeside: string },
  client: Client,
  steps: { steps: DownloadSteps; groupSteps?: GroupSteps },
): Promise<DirectDownload> {
  await using opening = new AsyncDisposableStack()
  const partialFolder = join(target.folderBeside, 'partial')
  opening.use(await claimFolder(target))
  opening.defer(() => removeUnlessNeeded(target.folderBeside, partialFolder))
  const workers = opening.use(new ChunkThreads())
  const fetcher = opening.use(await Fetcher.open({ partialFolder }, { ...client, workers }))
  const records = opening.use(new DownloadRecords(':memory:'))
  const downloads = opening.use(
    new Downloads({ downloadsAtOnce: 1 }, { ...client, ...steps, fetcher, records }),
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

/** Makes the folder and takes it for this process, until the end of the process at the latest. */
async function claimFolder({
  path,
  folderBeside,
}: {
  readonly path: string
  readonly folderBeside: string
}): Promise<Disposable> {
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
