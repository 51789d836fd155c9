/**
 * Makes a peer a member of a mesh. Its own index, in its process, knows of the other members what
 * gossip says: each of them seems to be registered there.
 *
 *   catalog --> mesh --> other members            (numbered changes, on request)
 *   other members --> mesh --> mirrors --> own index --> lookups, searches, tasks
 *   own index --> mirrors --> other members --> their replicators --> report --> own index
 */
import { join, resolve } from 'node:path'
import { BackgroundWork } from '../common/background.ts'
import { AppError } from '../common/errors.ts'
import { noMesh } from '../common/protocol/no-mesh.ts'
import type { Address } from '../common/protocol/transport.ts'
import type { Announcer } from './announce/announcer.ts'
import { CatalogChanges } from './announce/catalog-changes.ts'
import type { Inventory } from './announce/inventory.ts'
import { viewsOf } from './announce/inventory-views.ts'
import type { JoinedMesh } from './api/mesh-api.ts'
import { type Elsewhere, foundNowhere } from './find/elsewhere.ts'
import { findMembers } from './find-members.ts'
import type { IndexRequests, PeerDependencies } from './join-cluster.ts'
import { GainedCopies } from './mesh/gained-copies.ts'
import { givenTaskHandlers } from './mesh/given-tasks.ts'
import { KeptCatalogs } from './mesh/kept-catalogs.ts'
import { learnSources } from './mesh/learn-sources.ts'
import type { Member as MeshMember } from './mesh/member.ts'
import { MemberConnections } from './mesh/member-connections.ts'
import { Mesh } from './mesh/mesh.ts'
import { Mirrors } from './mesh/mirrors.ts'
import type { OwnIndex, OwnIndexGate } from './mesh/own-index.ts'
import { RememberedMembers } from './mesh/remembered-members.ts'
import type { TaskOrigins } from './mesh/task-origins.ts'
import { heldFiles, type MeshQueries, type QueryParts, startQueries } from './mesh-queries.ts'
import { type SelfParts, selfOf } from './self-of-member.ts'
import { boundTo } from './serve/bound-challenge.ts'
import type { MeshHandlers } from './serve/serve-handlers.ts'
import type { Serving } from './serve/start-serving.ts'
import type { PeerSettings } from './settings.ts'
import type { Standby } from './standby.ts'

/** A member is asked by so many others whether it can reach one that does not answer. */
const indirectProbes = 3
/** A dead member is remembered for this long, so that old news do not revive it. */
const forgetAfterMs = 600_000

/** What a member has before it serves or announces anything. */
export interface MeshParts {
  readonly index: OwnIndex
  /** This peer's catalog: announced to its own index, and told to others. */
  readonly catalog: CatalogChanges
  /** The same, for the index of the cluster. */
  readonly forCluster: Inventory
  /** Whether members have copies made and dropped: always without an index of the cluster, otherwise while it is away. */
  doMembersAct(): boolean
  /** Which index this peer asks, if there is one besides its own. */
  standby: Standby | undefined
  readonly connections: MemberConnections
  /** The member, once it runs, and which index gave which task. */
  member: Member | undefined
  origins: TaskOrigins | undefined
  /** Answers other members; with BUSY until it runs. */
  readonly handlers: MeshHandlers
}

/**
 * Starts this peer's own index. It is stopped with `starting`.
 * @throws AppError SETTING_INVALID, DATA_IN_USE, DATABASE_UNUSABLE, DISK_FAILED
 */
export async function openMesh(
  { peerId, data, index: address }: Pick<PeerSettings, 'peerId' | 'data' | 'index'>,
  starting: AsyncDisposableStack,
  inventory: Inventory,
  dependencies: PeerDependencies,
): Promise<MeshParts> {
  const { startOwnIndex } = dependencies
  if (startOwnIndex === undefined) throw new Error('a peer of a mesh needs an index of its own')
  const gate: OwnIndexGate = {
    isOpen: () => parts.doMembersAct(),
    reachesIndex: (member) => parts.member?.reachesIndex(member) === true,
    knowsAll: () => parts.member?.kept.keepsAll !== false,
  }
  const index = starting.use(await startOwnIndex({ peerId, data }, { ...dependencies, gate }))
  const [own, forCluster] = address === undefined ? [inventory, inventory] : viewsOf(inventory)
  const catalog = new CatalogChanges(own, dependencies)
  const connections = starting.use(new MemberConnections({ peerId }, dependencies))
  const parts: MeshParts = {
    index,
    catalog,
    forCluster,
    doMembersAct: () => address === undefined || parts.standby?.isActing === true,
    standby: undefined,
    connections,
    member: undefined,
    origins: undefined,
    handlers: lateHandlers(() => parts.member),
  }
  return parts
}

interface Joining extends QueryParts, SelfParts {
  readonly meshed: MeshParts
  /** This peer's answers to an index. */
  readonly requests: IndexRequests
  readonly share: QueryParts['share'] & SelfParts['share']
  readonly serving: SelfParts['serving'] & Pick<Serving, 'prover'>
  readonly cluster: Pick<Announcer, 'connected'> | undefined
}

type Settings = Pick<
  PeerSettings,
  | 'advertiseHost'
  | 'catalogBytesMax'
  | 'data'
  | 'discoveryPort'
  | 'gossipMs'
  | 'gossipPeers'
  | 'host'
  | 'index'
  | 'join'
  | 'peerId'
  | 'zone'
>

/** A running member. */
interface Member {
  readonly mesh: Mesh
  readonly handlers: MeshHandlers
  readonly mirrors: Mirrors
  readonly kept: KeptCatalogs
  readonly queries: MeshQueries
  /** Whether a member is live and reaches the index of a cluster. */
  reachesIndex(peerId: string): boolean
}

/**
 * Starts to talk to other members. Everything is stopped with `starting`.
 * @throws the signal's reason
 */
export async function joinMesh(
  settings: Settings,
  starting: AsyncDisposableStack,
  joining: Joining,
  dependencies: PeerDependencies,
): Promise<void> {
  const { meshed } = joining
  const { index, catalog, connections } = meshed
  const background = starting.use(new BackgroundWork(dependencies))
  const folder = folderOf(settings)
  const remembered = new RememberedMembers(folder, dependencies)
  const before = await remembered.read()
  const kept = await openKept({ ...settings, folder }, joining, dependencies)
  const self = await selfOf(settings, joining, background, dependencies)
  const mirrors = starting.use(
    new Mirrors({
      ...dependencies,
      ownId: settings.peerId,
      index,
      catalog,
      kept,
      link: connections,
      isBesideIndex: settings.index !== undefined,
      onRegistered: (member) => mesh.fetchChanges(member),
    }),
  )
  const { gossipMs, gossipPeers: fanOut } = settings
  const mesh: Mesh = starting.use(
    Mesh.start(
      {
        self: self.record,
        settings: {
          gossipMs,
          fanOut,
          indirectProbes,
          deadAfterMs: index.deadAfterMs,
          forgetAfterMs,
        },
        joins: settings.join,
        remembered: before,
      },
      {
        ...dependencies,
        link: connections,
        knowledge: mirrors,
        onMember(member, before) {
          mirrors.onMember(member)
          // With an index of the cluster, the standby knows.
          if (settings.index === undefined && reaches(member) !== reaches(before)) index.onGate()
        },
        onForgotten: (peerId) => mirrors.onForgotten(peerId),
      },
    ),
  )
  const finding = { mesh, background, port: joining.serving.address.port, cluster: joining.cluster }
  findMembers(settings, starting, finding, dependencies)
  starting.defer(catalog.onChange(() => mesh.tellNews()))
  self.onNews(() => mesh.tellNews())
  dependencies.findAuthorityBy?.((peerId) => addressOf(mesh.member(peerId)))
  background.start('remember the members', (signal) =>
    remembered.follow(() => mesh.members(), before, signal),
  )
  followKept({ kept, mesh, mirrors, catalog }, background, dependencies)
  meshed.member = startMember(starting, joining, { mesh, mirrors, kept }, dependencies)
  if (!kept.keepsAll) index.onGate()
}

/** Where a member keeps what it remembers; undefined if nowhere. */
function folderOf({ data }: Pick<Settings, 'data'>): string | undefined {
  return data === ':memory:' ? undefined : join(resolve(data), '.tandem')
}

/** What the own index keeps of other members' catalogs. */
async function openKept(
  {
    catalogBytesMax: bytesMax,
    folder,
  }: Pick<Settings, 'catalogBytesMax'> & { folder: string | undefined },
  { meshed: { index, catalog }, share }: Joining,
  dependencies: PeerDependencies,
): Promise<KeptCatalogs> {
  return await KeptCatalogs.open(
    { bytesMax, folder },
    {
      ...dependencies,
      held: heldFiles(share),
      ownSeq: () => catalog.lastSeq,
      usedBytes: () => index.usedBytes(),
      onKeepsAll: () => index.onGate(),
    },
  )
}

/** Learns what the own index should know, and does not. */
function followKept(
  known: Pick<Member, 'kept' | 'mesh' | 'mirrors'> & Pick<MeshParts, 'catalog'>,
  background: BackgroundWork,
  dependencies: PeerDependencies,
): void {
  const { kept, mesh, mirrors } = known
  background.start('read catalogs for which there is room', (signal) =>
    kept.follow((peerId) => {
      mirrors.readAgain(peerId)
      mesh.fetchChanges(peerId)
    }, signal),
  )
  background.start('ask about what is new here', (signal) =>
    new GainedCopies({ ...dependencies, ...known }).follow(signal),
  )
}

/** Has the member answer others, and ask them. */
function startMember(
  starting: AsyncDisposableStack,
  joining: Joining,
  { mesh, mirrors, kept }: Pick<Member, 'mesh' | 'mirrors' | 'kept'>,
  dependencies: PeerDependencies,
): Member {
  const { meshed, requests, serving } = joining
  const { connections, catalog } = meshed
  const knowsAll = (): boolean => mesh.behindCount === 0 && kept.keepsAll
  const asking = { ...joining, mesh, mirrors, connections, catalog, knowsAll }
  const queries = startQueries(starting, asking, dependencies)
  const handlers = {
    ...memberHandlers({ meshed, requests, serving, mesh, mirrors, kept }, dependencies),
    ...queries.handlers,
  }
  const reachesIndex = (peerId: string): boolean => reaches(mesh.member(peerId))
  return { mesh, mirrors, handlers, kept, queries, reachesIndex }
}

/** Where a member is, as it said last. */
function addressOf(member: MeshMember | undefined): Address | undefined {
  return member && { host: member.record.host, port: member.record.port }
}

/** Whether a member is live and reaches an index. */
function reaches(member: MeshMember | undefined): boolean {
  return member?.state === 'live' && member.record.index === 'reached'
}

/** Asks the members of the mesh for what the own index does not know, once this peer is one. */
export function elsewhereIn(meshed: MeshParts): Elsewhere {
  return {
    async find(...asked) {
      const { standby, member } = meshed
      if (member === undefined) return foundNowhere
      // The index of the cluster knows everything but what programs have.
      const isIndexThere = standby !== undefined && standby.absence === undefined
      const { elsewhere, atPrograms } = member.queries
      return await (isIndexThere ? atPrograms : elsewhere).find(...asked)
    },
  }
}

/** The mesh, as the calls of people and programs see it. */
export function joinedMesh(meshed: MeshParts): JoinedMesh {
  return {
    get counts() {
      const members = meshed.member?.mesh.members() ?? []
      const count = (wanted: (state: string) => boolean): number =>
        members.filter(({ state, isMet }) => isMet && wanted(state)).length
      return {
        live: 1 + count((state) => state === 'live'),
        suspect: count((state) => state === 'suspect'),
        gone: count((state) => state === 'dead' || state === 'left'),
        behind: meshed.member?.mesh.behindCount ?? 0,
        notKept: meshed.member?.kept.notKept.size ?? 0,
        programs: meshed.member?.queries.programs.count ?? 0,
      }
    },
    get queries() {
      if (meshed.member === undefined) throw new AppError('BUSY')
      return meshed.member.queries.asker
    },
    get programs() {
      if (meshed.member === undefined) throw new AppError('BUSY')
      return meshed.member.queries.programs
    },
    async join(address, signal) {
      if (meshed.member === undefined) throw new AppError('BUSY')
      await meshed.member.mesh.join(address, signal)
    },
  }
}

/** Answers other members, and their indexes. */
function memberHandlers(
  {
    meshed,
    mesh,
    mirrors,
    kept,
    requests,
    serving,
  }: Pick<Joining, 'meshed' | 'requests' | 'serving'> & Pick<Member, 'kept' | 'mesh' | 'mirrors'>,
  dependencies: PeerDependencies,
): Omit<MeshHandlers, keyof MeshQueries['handlers']> {
  return {
    ...mesh.handlers,
    ...givenTaskHandlers({
      doMembersAct: () => meshed.doMembersAct(),
      origins: () => meshed.origins,
      learn: (tasks, signal) =>
        learnSources(tasks, { mirrors, notKept: kept.notKept }, dependencies, signal),
      requests,
    }),
    'confirm-copies': (hashes, _, signal) => requests['confirm-copies'](hashes, undefined, signal),
    'read-intent': (page, _, signal) => requests['read-intent'](page, undefined, signal),
    verify: (content, _, signal) => requests.verify(content, undefined, signal),
    prove: async (challenge, asker, signal) => ({
      proof: await serving.prover.prove(boundTo(asker.id, challenge), signal, asker),
    }),
    report: async (report, { id }, signal) => {
      if (report.lastSeq !== undefined) await mirrors.catchUp(id, report.lastSeq, signal)
      return await mirrors.report(id, 'report', report, signal)
    },
    progress: (progress, { id }, signal) => mirrors.report(id, 'progress', progress, signal),
    'confirm-drops': (copies, { id }, signal) =>
      mirrors.report(id, 'confirm-drops', copies, signal),
  }
}

/** Answers other members once this peer is one. */
function lateHandlers(member: () => Member | undefined): MeshHandlers {
  const late = Object.keys(noMesh).map((type) => [
    type,
    (...given: readonly never[]) => {
      const handlers = member()?.handlers
      if (handlers === undefined) throw new AppError('BUSY')
      const handler = handlers[type as keyof MeshHandlers] as (...given: never[]) => unknown
      return handler(...given)
    },
  ])
  return Object.fromEntries(late) as MeshHandlers
}
