import { hash } from 'node:crypto'
import { BackgroundWork } from '../../../common/background.ts'
import type { Random } from '../../../common/random.ts'
import type { Announcer } from '../../../peer/announce/announcer.ts'
import { KeptIntent } from '../../../peer/announce/kept-intent.ts'
import { ReachNotice } from '../../../peer/announce/reach-notice.ts'
import { DownloadRecords } from '../../../peer/download/download-records.ts'
import { Downloads } from '../../../peer/download/downloads.ts'
import { UnfinishedContents } from '../../../peer/fetch/disk/unfinished-contents.ts'
import { ConnectionPool } from '../../../peer/fetch/source/connection-pool.ts'
import { Finder } from '../../../peer/find/finder.ts'
import { hurriedLink, joinCluster, tellBlamed, tellUnreached } from '../../../peer/join-cluster.ts'
import { noLimits } from '../../../peer/limit/grant.ts'
import { TrafficGate } from '../../../peer/limit/traffic-gate.ts'
import type { Restorer } from '../../../peer/replicate/restorer.ts'
import { startServing } from '../../../peer/serve/start-serving.ts'
import { startRestoring } from '../../../peer/start-restoring.ts'
import type { ShapedHost } from '../shaped-network.ts'
import type { ShareWatcher } from './share-watcher.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import { SimulatedFetcher } from './simulated-fetcher.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import { SimulatedShare } from './simulated-share.ts'

/** Simulated peers give all of their disks. */
const noTraffic = { passedBytes: { download: 0, replication: 0 } }
const noLimiter = {
  capacityBytes: Infinity,
  onCapacity: (): void => {},
  uploads: noTraffic,
  downloads: noTraffic,
}

export const indexAddress = { host: 'index', port: 7_000 }

export interface ClusterPeerOptions {
  readonly peerId: string
  readonly zone: string | undefined
}

interface Dependencies {
  readonly process: SimulatedProcess
  readonly host: ShapedHost
  readonly disk: SimulatedDisk
  readonly random: Random
  readonly watcher: ShareWatcher
}

/** A run of a peer: all of its steps are real, but for the share and the partial files. */
export interface ClusterPeer extends AsyncDisposable {
  readonly share: SimulatedShare
  readonly finder: Finder
  readonly downloads: Downloads
  readonly announcer: Announcer
  readonly restorer: Restorer
  readonly unfinished: UnfinishedContents
}

export async function startClusterPeer(
  { peerId, zone }: ClusterPeerOptions,
  { process, host, disk, random, watcher }: Dependencies,
): Promise<ClusterPeer> {
  const { clock, log } = process
  const dependencies = { transport: host, clock, random, log }
  const stack = new AsyncDisposableStack()
  const share = stack.use(new SimulatedShare(peerId, { process, disk, random, watcher }))
  const unfinished = new UnfinishedContents()
  const uploads = new TrafficGate(noLimits, { clock })
  const serving = stack.use(
    await startServing(
      { peerId, address: { host: peerId, port: 0 }, connectionsMax: () => 1_000 },
      {
        ...dependencies,
        contents: share,
        smallReader: share.smallReader,
        downloads: unfinished,
        openFiles: share.openFiles,
        uploads,
        recheck: (path) => share.recheck(path),
        verify: (sha256) => share.verify(sha256),
      },
    ),
  )
  stack.use(uploads)
  const background = stack.use(new BackgroundWork({ log }))
  const onDialFailed = (other: string): void => tellUnreached(other, announcer)
  const pool = stack.use(
    new ConnectionPool({ ownPeerId: peerId }, { ...dependencies, onDialFailed }),
  )
  const fetcher = new SimulatedFetcher({
    ...dependencies,
    process,
    disk,
    pool,
    unfinished,
    localChunks: share.localChunks,
    folder: `/${peerId}/.tandem/partial`,
    onReceived: () => undefined,
    onBlamed: ({ peerId: blamed }, { sha256 }) =>
      background.start('accuse', (signal) =>
        tellBlamed({ peerId: blamed, sha256 }, { finder, log }, signal),
      ),
  })
  const identity = hash('sha256', peerId)
  const restoring = { share, fetcher, finder: () => finder }
  const { replicas, restorer } = startRestoring(stack, restoring, dependencies)
  const reach = new ReachNotice({ log })
  disk.intent ??= new KeptIntent(':memory:', { log })
  const { intent } = disk
  const replicating = { fetcher: replicas, restorer, limiter: noLimiter }
  const joining = { share, serving, ...replicating, unfinished, reach, identity, intent }
  const settings = { peerId, zone, index: indexAddress, advertiseHost: undefined }
  const { announcer } = joinCluster(settings, stack, joining, dependencies)
  const finder = new Finder({
    index: hurriedLink(announcer),
    holds: (name, sha256) => share.catalog.holds(name, sha256),
    clock,
  })
  const records = stack.use(new DownloadRecords(':memory:', { log }))
  const downloads = stack.use(
    new Downloads(
      { downloadsAtOnce: 4 },
      { ...dependencies, shelf: share, finder, fetcher, records },
    ),
  )
  const parts = { share, finder, downloads, announcer, restorer, unfinished }
  return { ...parts, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
