import { link, mkdir, open, readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { hashFile } from '../../common/content/hash.ts'
import type { FileFixture } from '../../common/testing/fixtures.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import { checkFile } from '../system/check-file.ts'
import { apiOf, type PeerOptions, startCluster } from '../system/cluster-fixture.ts'
import { copiesKnown } from '../system/copies-known.ts'
import type { ProcessHost } from '../system/process-host.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import { secondsOf } from './interleaved.ts'

/** Peers that share files, and one that downloads them. */
export interface TransferCluster extends AsyncDisposable {
  readonly index: TandemProcess
  readonly sources: readonly TandemProcess[]
  readonly downloader: TandemProcess
}

export interface TransferOptions {
  readonly sources: number
  /** Number of files that `share` creates. */
  readonly files: number
  /** Puts a source's files into its shared/. */
  readonly share: (sharedFolder: string) => Promise<void>
  /** Special options of the sources. */
  readonly source?: PeerOptions
  /** Whether all connections use TLS. */
  readonly isSecured?: boolean
  /** The hosts of the index, the sources and the downloader, in that order. */
  readonly hosts?: readonly ProcessHost[]
}

/** Starts them; resolves when the index knows all copies. Nothing is replicated. */
export async function startTransferCluster({
  sources,
  files,
  share,
  source,
  ...where
}: TransferOptions): Promise<TransferCluster> {
  const prepare = async (peerId: string, folder: string): Promise<void> => {
    if (peerId !== 'downloader') await share(folder)
  }
  await using starting = new AsyncDisposableStack()
  const cluster = starting.use(await startCluster({ peers: 0, factor: 1, prepare, ...where }))
  for (let number = 1; number <= sources; number++)
    await copiesKnown(await cluster.startPeer(`peer${number}`, source), files)
  const sharing = [...cluster.peers]
  const downloader = await cluster.startPeer('downloader')
  const started = starting.move()
  return {
    index: cluster.index,
    sources: sharing,
    downloader,
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

/** Shares a file by a hard link, so that many sources of a large file use its disk space once. */
export function sharing({ path, name }: FileFixture): (sharedFolder: string) => Promise<void> {
  return async (sharedFolder) => {
    const shared = join(sharedFolder, name)
    await mkdir(dirname(shared), { recursive: true })
    await link(path, shared)
  }
}

/** Writes a sparse file of zeros, of any size. */
export async function aSparseFile(
  folder: string,
  name: string,
  bytes: number,
): Promise<FileFixture> {
  const path = join(folder, name)
  await using handle = await open(path, 'w')
  await handle.truncate(bytes)
  const { content } = await hashFile(path)
  return { path, name, sha256: content.sha256, size: bytes }
}

/** Downloads a file and verifies it. Returns the duration of the download alone. */
export async function downloadAndCheck(
  peer: TandemProcess,
  original: FileFixture,
): Promise<number> {
  using api = apiOf(peer)
  const seconds = await secondsOf(() => downloadToEnd(api, { name: original.name }))
  await checkFile(original, join(peer.dataFolder, 'downloaded', original.name))
  return seconds
}

/**
 * Removes the downloads of a peer; resolves when it and the index know, so that it can download
 * again.
 */
export async function forgetDownloads(peer: TandemProcess): Promise<void> {
  const folder = join(peer.dataFolder, 'downloaded')
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true })
  await copiesKnown(peer, 0)
}
