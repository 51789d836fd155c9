/** Assembles what fetches from other peers, for downloads, replication and readers. */
import { join } from 'node:path'
import { BackgroundWork } from '../common/background.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import { DownloadRecords } from './download/download-records.ts'
import { ChunkThreads } from './fetch/disk/chunk-threads.ts'
import type { UnfinishedContents } from './fetch/disk/unfinished-contents.ts'
import type { FetchObserver } from './fetch/fetch-run.ts'
import { Fetcher } from './fetch/fetcher.ts'
import { ProgramFiles } from './fetch/program/program-files.ts'
import { ProgramLeases } from './fetch/program/program-leases.ts'
import { ConnectionPool } from './fetch/source/connection-pool.ts'
import type { CrewDependencies } from './fetch/transfer/source-crew.ts'
import type { Finder } from './find/finder.ts'
import { type PeerDependencies, tellBlamed, tellUnreached } from './join-cluster.ts'
import type { Limiter } from './limit/limiter.ts'
import { ImproperClaims } from './mesh/improper-claims.ts'
import type { Share } from './share/share.ts'
import { spreadTrust } from './spread-trust.ts'

interface FetchingParts {
  readonly share: Share
  readonly limiter: Pick<Limiter, 'downloads'>
  readonly unfinished: UnfinishedContents
  readonly observer: FetchObserver
  /** Called once they exist. */
  readonly announcer: () => Pick<AskedIndex, 'connection'>
  readonly finder: () => Pick<Finder, 'accuse' | 'peers'>
}

export interface Fetching {
  readonly fetcher: Fetcher
  readonly records: DownloadRecords
  /** What reading from other peers without storing takes. */
  readonly reading: Omit<CrewDependencies, 'buffers'>
  /** What may be fetched from programs. */
  readonly programFiles: ProgramFiles
}

/** All of it is closed with `starting`. @throws AppError DISK_FULL, DISK_FAILED */
export async function openFetching(
  { peerId, folder }: { readonly peerId: string; readonly folder: string },
  starting: AsyncDisposableStack,
  { share, limiter, unfinished, observer, announcer, finder }: FetchingParts,
  dependencies: PeerDependencies,
): Promise<Fetching> {
  const { log } = dependencies
  const background = starting.use(new BackgroundWork({ log }))
  const onDialFailed = (failed: string): void => tellUnreached(failed, announcer())
  const peers = starting.use(
    new ConnectionPool({ ownPeerId: peerId }, { ...dependencies, onDialFailed }),
  )
  spreadTrust(starting, { peerId, pool: peers, finder, background }, dependencies)
  const improper = new ImproperClaims(dependencies)
  const files = new ProgramFiles({ onLied: (source, why) => improper.report(source, why) })
  const pool = new ProgramLeases({ ...dependencies, pool: peers, files })
  const workers = starting.use(new ChunkThreads())
  const records = starting.use(new DownloadRecords(join(folder, 'downloads.db'), dependencies))
  const reading: Fetching['reading'] = {
    ...dependencies,
    pool,
    onReceived: (bytes, purpose) => limiter.downloads.pass(bytes, purpose),
    onBlamed: (blamed, { sha256 }) => {
      if (blamed.kind === 'program') return files.lied(blamed, `wrong bytes of ${sha256}`)
      background.start('accuse', (signal) =>
        tellBlamed({ peerId: blamed.peerId, sha256 }, { finder: finder(), log }, signal),
      )
    },
  }
  const fetcher = starting.use(
    await Fetcher.open(await fetcherOptions(folder, { share, records }), {
      ...dependencies,
      ...reading,
      workers,
      localChunks: share.localChunks,
      unfinished,
      observer,
    }),
  )
  return { fetcher, records, reading, programFiles: files }
}

/** Where the fetcher keeps partial data. */
async function fetcherOptions(
  folder: string,
  { share, records }: { share: Share; records: DownloadRecords },
): Promise<Parameters<typeof Fetcher.open>[0]> {
  return {
    partialFolder: join(folder, 'partial'),
    partialFolderFor: (purpose) =>
      share.stagingFolder(purpose === 'replication' ? 'replicated' : 'downloaded', 'partial'),
    earlierFolders: await share.stagingFolders('partial'),
    isWanted: (content) => records.haveContent(content),
  }
}
