/**
 * Assembles a peer. Its steps do not know each other; each is handed what it needs of the others here.
 * They start in this order and stop in the reverse order:
 *
 *   share       the catalog, which all others read; it detects first that a data folder is in use
 *   mesh        in a mesh: the index of this peer, which announce registers at
 *   serve       before anything is announced, so that requesters who are sent here are answered
 *   limiter     stopped before serve, because its end releases the sends that it throttles
 *   pool        connections to other peers, which fetches borrow
 *   announce    the connection to the index, which find and replicate use; sends `leave` at the end.
 *               It registers once the web is started, whose address it announces
 *   downloads, replicate   they fetch, and stop while the parts that they use still run
 *   follow      starts downloads
 *   scrub       reads copies of the share, and has repairs fetch
 *   web         no request meets half a peer
 *   member      in a mesh: talks to other members, which it tells where this peer serves; leaves first
 */
import { join, resolve } from 'node:path'
import type { HttpPlace } from '../common/http-url.ts'
import type { Log } from '../common/log.ts'
import type { Address } from '../common/protocol/transport.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import { HttpNotice } from './announce/http-notice.ts'
import { KeptIntent } from './announce/kept-intent.ts'
import { readIdentity } from './announce/peer-secret.ts'
import { ReachNotice } from './announce/reach-notice.ts'
import type { PeerApi } from './api/calls.ts'
import { LocalPeerApi } from './api/local-peer-api.ts'
import type { JoinedMesh } from './api/mesh-api.ts'
import { composeApi } from './compose-api.ts'
import { davFiles } from './dav-files.ts'
import { Downloads } from './download/downloads.ts'
import { UnfinishedContents } from './fetch/disk/unfinished-contents.ts'
import { Fetcher } from './fetch/fetcher.ts'
import { fileSources } from './file-sources.ts'
import { Finder } from './find/finder.ts'
import { checkFolderId, recordFolderId } from './folder-id.ts'
import { fillNewShare, generateDefaults } from './generate.ts'
import { hurriedLink, type Joined, joinCluster, type PeerDependencies } from './join-cluster.ts'
import { elsewhereIn, joinedMesh, joinMesh, type MeshParts, openMesh } from './join-mesh.ts'
import { type JoinedOwn, joinBoth, joinOwnIndex } from './join-own-index.ts'
import { type KeptHistory, keepHistory } from './keep-history.ts'
import type { LimitSettings } from './limit/limit-schedule.ts'
import { Limiter } from './limit/limiter.ts'
import { liveSources } from './live-sources.ts'
import { openFetching } from './open-fetching.ts'
import { partialContents } from './partial-contents.ts'
import { vitalsOf } from './peer-vitals.ts'
import { startPeerWeb } from './peer-web.ts'
import type { Restorer } from './replicate/restorer.ts'
import { type Serving, startServing } from './serve/start-serving.ts'
import type { PeerSettings } from './settings.ts'
import { Share } from './share/share.ts'
import { startFollowing } from './start-following.ts'
import { startRestoring } from './start-restoring.ts'
import { startScrubbing } from './start-scrubbing.ts'

export interface PeerOptions extends PeerSettings {
  readonly limits: LimitSettings
  /** Whether other machines reach it without TLS; the status says so. */
  readonly isInsecure?: boolean
}

export interface Peer extends AsyncDisposable {
  readonly api: PeerApi
  /** The address at which it serves other peers. */
  readonly address: Address
  /** The address of its HTTP API. */
  readonly webAddress: HttpPlace
  /** Resolves when the catalog has all files that were in the folders at the start. */
  readonly ready: Promise<void>
  /** When it is disposed, the index is told that it does not return. */
  leaveForGood(): void
}

/** The parts that the API and the metrics use. */
interface Parts {
  readonly share: Share
  readonly serving: Serving
  readonly announcer: AskedIndex
  readonly fetcher: Fetcher
  readonly downloads: Downloads
  readonly limiter: Limiter
}

/** The share of the data folder, if that belongs to this peer. It is closed with `starting`. */
async function openShare(
  settings: PeerOptions,
  dataPath: string,
  starting: AsyncDisposableStack,
  dependencies: PeerDependencies,
): Promise<Share> {
  const { peerId, adopt: adopts } = settings
  checkFolderId({ dataPath, peerId, adopts })
  const share = starting.use(await Share.start({ ...settings, dataPath }, dependencies))
  await recordFolderId(dataPath, peerId)
  if (settings.generate) await generate(settings, share, dependencies.log)
  return share
}

/** Called after the share is open, which knows whether an empty folder is new. */
async function generate({ data, peerId }: PeerOptions, share: Share, log: Log): Promise<void> {
  const target = { folder: resolve(data, 'shared'), knownFiles: share.totals().shared.count }
  const count = await fillNewShare(target, { peerId, ...generateDefaults })
  log.info({ count }, 'generated files')
}

/**
 * Starts a peer, which retries to reach its index as long as it runs.
 * @throws AppError ADDRESS_IN_USE, DATA_IN_USE, DATA_OF_OTHER_PEER, DATABASE_UNUSABLE, DISK_FAILED
 */
export async function startPeer(
  settings: PeerOptions,
  dependencies: PeerDependencies,
): Promise<Peer> {
  const { clock } = dependencies
  const dataPath = resolve(settings.data)
  const folder = join(dataPath, '.tandem')
  const placed = { ...settings, folder }
  await using starting = new AsyncDisposableStack()
  const share = await openShare(settings, dataPath, starting, dependencies)
  const meshed = settings.mesh
    ? await openMesh(settings, starting, share.catalog, dependencies)
    : undefined
  const opened = await openServing(placed, { share, meshed }, starting, dependencies)
  const { kept, limiter, unfinished, partial, serving } = opened
  const fetching = {
    share,
    limiter,
    unfinished,
    observer: kept.transfers,
    announcer: () => announcer,
    finder: () => finder,
  }
  const opening = await openFetching(placed, starting, fetching, dependencies)
  const { fetcher, records, reading, programFiles } = opening
  const restoring = { ...fetching, fetcher }
  const taking = { share, serving, limiter, partial, restoring, meshed }
  const part = await takePart(placed, starting, taking, dependencies)
  const { announcer, reach, restorer, http } = part
  const finder: Finder = new Finder({
    index: hurriedLink(announcer),
    elsewhere: meshed && elsewhereIn(meshed),
    holds: (name, sha256) => share.holds(name, sha256),
    clock,
  })
  kept.startSampling(announcer, limiter, starting)
  const shelf = { shelf: share, folder: share.downloadedFolder }
  const fetches = { fetcher, records, finder: kept.recordedFinder(finder) }
  const downloads = starting.use(new Downloads(limiter, { ...dependencies, ...shelf, ...fetches }))
  const member = { ...part, serving, queries: kept.queries, programFiles }
  const started = { share, finder, announcer, fetcher, limiter, downloads }
  const follower = startFollowing({ ...settings, folder }, starting, started, dependencies)
  const { repairs, scrubber } = await startScrubbing(settings, starting, started, dependencies)
  limiter.onDownloadsAtOnce((count) => downloads.runAtOnce(count))
  const mesh = (): JoinedMesh | undefined => meshed && joinedMesh(meshed)
  const parts = { ...started, follower, repairs, scrubber, restorer, reach, mesh, clock }
  const local = new LocalPeerApi(settings, { ...dependencies, ...parts })
  const apis = composeApi(settings, { ...dependencies, ...parts, ...reading, local, kept })
  const api = apis.command
  const vitals = vitalsOf(settings, { ...parts, history: kept.history })
  const live = liveSources({ ...parts, api: local, kept })
  const files = fileSources(settings, { ...parts, serving }, reading)
  const dav = davFiles(folder, { ...dependencies, ...parts, api: apis.program, sources: files })
  const serves = { ...dependencies, api, apis, vitals, live, files, http, dav }
  const web = starting.use(await startPeerWeb(settings, serves))
  if (meshed !== undefined && part.own !== undefined)
    await joinMesh(settings, starting, { ...started, ...member, ...part.own, meshed }, dependencies)
  const running = starting.move()
  return {
    api,
    address: serving.address,
    webAddress: web.address,
    ready: share.ready,
    leaveForGood() {
      announcer.leaveForGood()
      meshed?.member?.mesh.leaveForGood()
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

interface Part extends Joined {
  readonly reach: ReachNotice
  readonly restorer: Restorer
  readonly http: HttpNotice
  /** In a mesh. */
  readonly own: JoinedOwn | undefined
}

/** Registers at the index, or at the peer's own, and carries out its tasks. */
async function takePart(
  settings: PeerOptions & { readonly folder: string },
  starting: AsyncDisposableStack,
  {
    meshed,
    partial,
    restoring,
    ...parts
  }: Pick<Parts, 'share' | 'serving' | 'limiter'> &
    Pick<OpenedServing, 'partial'> & {
      readonly meshed: MeshParts | undefined
      readonly restoring: Parameters<typeof startRestoring>[1]
    },
  dependencies: PeerDependencies,
): Promise<Part> {
  const { log } = dependencies
  const { folder, peerId, index } = settings
  const reach = new ReachNotice({ log })
  const { replicas, restorer } = startRestoring(starting, restoring, dependencies)
  const identity = await readIdentity(folder, peerId, dependencies)
  const intent = starting.use(new KeptIntent(join(folder, 'intent.db'), { log }))
  const http = new HttpNotice()
  const notices = { reach, restorer, http }
  const kept = { fetcher: replicas, unfinished: partial, identity, intent }
  const joining = { ...parts, ...notices, ...kept }
  if (meshed === undefined) {
    if (index === undefined) throw new Error('a peer without a mesh needs an index')
    const joined = joinCluster({ ...settings, index }, starting, joining, dependencies)
    return { ...notices, ...joined, own: undefined }
  }
  const inMesh = { ...joining, meshed }
  if (index === undefined) {
    const own = joinOwnIndex(settings, starting, inMesh, dependencies)
    return { ...notices, announcer: own.announcer, own }
  }
  const ownIntent = starting.use(new KeptIntent(join(folder, 'mesh-intent.db'), { log }))
  const both = { ...inMesh, ownIntent }
  const own = joinBoth({ ...settings, index }, starting, both, dependencies)
  return { ...notices, announcer: own.announcer, own }
}

interface OpenedServing {
  readonly kept: KeptHistory
  readonly limiter: Limiter
  readonly unfinished: UnfinishedContents
  readonly partial: ReturnType<typeof partialContents>
  readonly serving: Serving
}

/** Serves other peers, and remembers what it sends. */
async function openServing(
  settings: PeerOptions & { readonly folder: string },
  { share, meshed }: { readonly share: Share; readonly meshed: MeshParts | undefined },
  starting: AsyncDisposableStack,
  dependencies: PeerDependencies,
): Promise<OpenedServing> {
  const kept = keepHistory(settings, starting, { share }, dependencies)
  const limiter = await Limiter.open(
    { settings: settings.limits, folder: settings.folder },
    dependencies,
  )
  const unfinished = new UnfinishedContents()
  const partial = partialContents({ share, unfinished }, starting)
  const serving = starting.use(
    await serve(settings, { share, limiter, partial, kept, meshed }, dependencies),
  )
  starting.use(limiter)
  return { kept, limiter, unfinished, partial, serving }
}

async function serve(
  settings: PeerSettings,
  {
    share,
    limiter,
    partial,
    kept,
    meshed,
  }: Pick<Parts, 'share' | 'limiter'> & {
    partial: ReturnType<typeof partialContents>
    kept: KeptHistory
    meshed: MeshParts | undefined
  },
  dependencies: PeerDependencies,
): Promise<Serving> {
  return await startServing(
    { ...settings, address: settings, connectionsMax: () => limiter.connections },
    {
      ...dependencies,
      contents: share,
      smallReader: share.smallReader,
      downloads: partial,
      uploads: limiter.uploads,
      history: kept.served,
      sent: kept.transfers,
      mesh: meshed?.handlers,
      recheck: (path) => share.recheck(path),
      verify: (sha256) => share.verify(sha256),
    },
  )
}
