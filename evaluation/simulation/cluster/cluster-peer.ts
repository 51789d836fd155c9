import { hash } from 'node:crypto'
import { BackgroundWork } from '../../../common/background.ts'
import type { Address } from '../../../common/protocol/transport.ts'
import type { Random } from '../../../common/random.ts'
import type { AskedIndex } from '../../../peer/announce/asked-index.ts'
import { KeptIntent } from '../../../peer/announce/kept-intent.ts'
import { ReachNotice } from '../../../peer/announce/reach-notice.ts'
import { DownloadRecords } from '../../../peer/download/download-records.ts'
import { Downloads } from '../../../peer/download/downloads.ts'
import { UnfinishedContents } from '../../../peer/fetch/disk/unfinished-contents.ts'
import { ProgramFiles } from '../../../peer/fetch/program/program-files.ts'
import { ConnectionPool } from '../../../peer/fetch/source/connection-pool.ts'
import { Finder } from '../../../peer/find/finder.ts'
import {
  hurriedLink,
  type Joined,
  type Joining,
  type JoiningSettings,
  joinCluster,
  type PeerDependencies,
  tellBlamed,
  tellUnreached,
} from '../../../peer/join-cluster.ts'
import { elsewhereIn, joinMesh, type MeshParts, openMesh } from '../../../peer/join-mesh.ts'
import { type JoinedOwn, joinBoth, joinOwnIndex } from '../../../peer/join-own-index.ts'
import { noLimits } from '../../../peer/limit/grant.ts'
import { TrafficGate } from '../../../peer/limit/traffic-gate.ts'
import type { StartOwnIndex } from '../../../peer/mesh/own-index.ts'
import type { Restorer } from '../../../peer/replicate/restorer.ts'
import type { MeshHandlers } from '../../../peer/serve/serve-handlers.ts'
import { type Serving, startServing } from '../../../peer/serve/start-serving.ts'
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

/** No one reads what was asked. */
const noQueries = { add: (): void => {} }
/** Members tell each other about an HTTP server, which is not simulated. */
const http = { listening: async (): Promise<{ port: number }> => ({ port: 80 }) }
const meshSettings = {
  catalogBytesMax: Infinity,
  data: ':memory:',
  discoveryPort: 0,
  gossipMs: 1_000,
  gossipPeers: 3,
} as const

export const indexAddress = { host: 'index', port: 7_000 }

export interface ClusterPeerOptions {
  readonly peerId: string
  readonly zone: string | undefined
  /** A peer of a mesh joins through these; others only ask the index. */
  readonly joins: readonly Address[] | undefined
  /** Whether it registers at the index. */
  readonly hasIndex: boolean
}

interface Dependencies {
  readonly process: SimulatedProcess
  readonly host: ShapedHost
  readonly disk: SimulatedDisk
  readonly random: Random
  readonly watcher: ShareWatcher
  readonly startOwnIndex: StartOwnIndex
}

/** A run of a peer: all of its steps are real, but for the share and the partial files. */
export interface ClusterPeer extends AsyncDisposable {
  readonly share: SimulatedShare
  readonly finder: Finder
  readonly downloads: Downloads
  readonly announcer: AskedIndex
  readonly restorer: Restorer
  readonly unfinished: UnfinishedContents
}

export async function startClusterPeer(
  { peerId, zone, joins, hasIndex }: ClusterPeerOptions,
  { process, host, disk, random, watcher, startOwnIndex }: Dependencies,
): Promise<ClusterPeer> {
  const { clock, log } = process
  const dependencies = { transport: host, clock, random, log, startOwnIndex }
  const stack = new AsyncDisposableStack()
  const share = stack.use(new SimulatedShare(peerId, { process, disk, random, watcher }))
  const index = hasIndex ? indexAddress : undefined
  const inMemory = { peerId, data: ':memory:', index }
  const meshed = joins && (await openMesh(inMemory, stack, share.catalog, dependencies))
  const unfinished = new UnfinishedContents()
  const served = { peerId, share, unfinished, mesh: meshed?.handlers }
  const serving = await serveFiles(served, stack, dependencies)
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
  const replicating = { fetcher: replicas, restorer, limiter: noLimiter }
  const joining = { share, serving, ...replicating, unfinished, reach, identity }
  const settings = { peerId, zone, advertiseHost: undefined, host: peerId }
  const registered = register(
    { ...settings, index },
    stack,
    { ...joining, meshed, disk },
    dependencies,
  )
  const { announcer, own } = registered
  const finder: Finder = new Finder({
    index: hurriedLink(announcer),
    elsewhere: meshed && elsewhereIn(meshed),
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
  if (joins !== undefined && meshed !== undefined && own !== undefined) {
    const programFiles = new ProgramFiles({ onLied: () => {} })
    const queries = { queries: noQueries, programFiles }
    const member = { ...own, ...queries, share, serving, finder, http, meshed }
    const inMesh = { ...meshSettings, ...settings, index, join: joins }
    await joinMesh(inMesh, stack, member, dependencies)
  }
  const parts = { share, finder, downloads, announcer, restorer, unfinished }
  return { ...parts, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Registers at the index, the own index, or both; stopped with `stack`. */
function register(
  { index, ...settings }: JoiningSettings & { host: string; index: Address | undefined },
  stack: AsyncDisposableStack,
  {
    meshed,
    disk,
    ...parts
  }: Omit<Joining, 'intent'> & { meshed: MeshParts | undefined; disk: SimulatedDisk },
  dependencies: PeerDependencies,
): Joined & { own: JoinedOwn | undefined } {
  const intent = (disk.intent ??= new KeptIntent(':memory:', dependencies))
  const ownIntent = (disk.ownIntent ??= new KeptIntent(':memory:', dependencies))
  const joining = { ...parts, intent }
  if (meshed === undefined) {
    const toIndex = { ...settings, index: indexAddress }
    return { ...joinCluster(toIndex, stack, joining, dependencies), own: undefined }
  }
  const own =
    index === undefined
      ? joinOwnIndex(settings, stack, { ...joining, meshed }, dependencies)
      : joinBoth({ ...settings, index }, stack, { ...joining, meshed, ownIntent }, dependencies)
  return { announcer: own.announcer, own }
}

/** Serves other peers; stopped with `stack`. */
async function serveFiles(
  {
    peerId,
    share,
    unfinished,
    mesh,
  }: Pick<ClusterPeer, 'share' | 'unfinished'> & {
    readonly peerId: string
    readonly mesh: MeshHandlers | undefined
  },
  stack: AsyncDisposableStack,
  dependencies: PeerDependencies,
): Promise<Serving> {
  const uploads = new TrafficGate(noLimits, dependencies)
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
        mesh,
      },
    ),
  )
  stack.use(uploads)
  return serving
}
