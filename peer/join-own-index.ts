/**
 * Registers a peer of a mesh at its own index: as the only one or, with an index of the cluster, at
 * both. Then the own index only knows, while the other answers.
 */
import { BackgroundWork } from '../common/background.ts'
import { AppError } from '../common/errors.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { Address } from '../common/protocol/transport.ts'
import type { Announcer } from './announce/announcer.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import type { KeptIntent } from './announce/kept-intent.ts'
import {
  carryOut,
  type IndexRequests,
  type Joined,
  type Joining,
  type JoiningSettings,
  type PeerDependencies,
  registrar,
  requestHandlers,
  taskLink,
} from './join-cluster.ts'
import type { MeshParts } from './join-mesh.ts'
import { type IndexLink, type MemberLink, ownIndex, TaskOrigins } from './mesh/task-origins.ts'
import { reachedHost } from './reached-host.ts'
import { boundTo } from './serve/bound-challenge.ts'
import type { PeerSettings } from './settings.ts'
import { Standby } from './standby.ts'

/** What a peer of a mesh has joined, and how it answers members of the mesh. */
export interface JoinedOwn extends Joined {
  readonly requests: IndexRequests
  /** The decisions that its own index has made or heard of. */
  readonly ownIntent: Pick<KeptIntent, 'state'>
  /** The index of the cluster, if there is one. */
  readonly cluster: Pick<Announcer, 'connected'> | undefined
}

/**
 * Registers at this peer's own index, and carries out its tasks and those of other members' indexes.
 * Both are stopped with `starting`.
 */
export function joinOwnIndex(
  settings: JoiningSettings & Pick<PeerSettings, 'host'>,
  starting: AsyncDisposableStack,
  { meshed, ...joining }: Joining & { readonly meshed: MeshParts },
  dependencies: PeerDependencies,
): JoinedOwn {
  const { index, catalog: inventory } = meshed
  const { intent } = joining
  const requests = requestHandlers(joining, () => replicator)
  const register = registrar(settings, starting, joining, dependencies)
  // It reaches the own index within this process, but the index dials it as others do.
  const host = reachedHost(settings)
  const handlers = { ...requests, ...provingAs(settings, requests) }
  const announcer = register({ ...index, host, inventory, intent, handlers })
  const link = (meshed.origins = new TaskOrigins(
    { own: taskLink(announcer), members: membersOf(meshed) },
    { ...dependencies, background: starting.use(new BackgroundWork(dependencies)) },
  ))
  const replicator = carryOut(starting, { ...joining, asked: announcer, link }, dependencies)
  return { announcer, requests, ownIntent: intent, cluster: undefined }
}

/**
 * Registers at the index of the cluster and at this peer's own, and carries out the tasks of both, and
 * those of other members' indexes. Everything is stopped with `starting`.
 */
export function joinBoth(
  {
    index: address,
    ...settings
  }: JoiningSettings & Pick<PeerSettings, 'host'> & { readonly index: Address },
  starting: AsyncDisposableStack,
  {
    meshed,
    ownIntent,
    ...joining
  }: Joining & {
    readonly meshed: MeshParts
    /** What is kept for the own index. */
    readonly ownIntent: Joining['intent']
  },
  dependencies: PeerDependencies,
): JoinedOwn {
  const { intent } = joining
  const { transport } = dependencies
  const handlers = requestHandlers(joining, () => replicator)
  const origins = (): TaskOrigins => link
  const both = intentsAt({ intent, ownIntent }, () => ({ index, own }))
  const requests = { ...handlers, ...both.own }
  const register = registrar(settings, starting, joining, dependencies)
  const own: Announcer = register({
    ...meshed.index,
    host: reachedHost(settings),
    inventory: meshed.catalog,
    intent: ownIntent,
    otherIntent: () => intent.state,
    handlers: {
      ...requests,
      ...provingAs(settings, requests),
      tasks: async (request, ...rest) => {
        origins().note(ownIndex, request.tasks)
        return await requests.tasks(request, ...rest)
      },
      // Whether this peer is reached is what the index of the cluster says.
      reached: async () => ({}),
    },
  })
  const index: Announcer = register({
    address,
    transport,
    inventory: meshed.forCluster,
    intent,
    otherIntent: () => ownIntent.state,
    handlers: { ...handlers, ...both.cluster },
  })
  const standby = starting.use(
    Standby.start(meshed.index, {
      ...dependencies,
      index,
      own,
      members: () => meshed.member?.mesh.members() ?? [],
      onActing: () => meshed.index.onGate(),
      onReach: () => meshed.member?.mesh.tellNews(),
    }),
  )
  meshed.standby = standby
  const link = new TaskOrigins(
    { own: taskLink(own), members: membersOf(meshed), index: presentLink(index) },
    { ...dependencies, background: starting.use(new BackgroundWork(dependencies)) },
  )
  meshed.origins = link
  const asked = { connected: (signal: AbortSignal) => untilSwitched(standby, signal) }
  const replicator = carryOut(starting, { ...joining, asked, link }, dependencies)
  return { announcer: standby, requests, ownIntent, cluster: index }
}

/** Answers the challenges of the own index as members answer this peer, with which it compares them. */
function provingAs(
  { peerId }: Pick<JoiningSettings, 'peerId'>,
  { prove }: Pick<IndexRequests, 'prove'>,
): Pick<IndexRequests, 'prove'> {
  return { prove: (challenge, ...rest) => prove(boundTo(peerId, challenge), ...rest) }
}

/** Keeps the decisions of each index for it, and tells each of those of the other. */
function intentsAt(
  { intent, ownIntent }: { intent: Joining['intent']; ownIntent: Joining['intent'] },
  announcers: () => { index: Announcer; own: Announcer },
): Record<'cluster' | 'own', Pick<IndexRequests, 'keep-intent' | 'read-intent'>> {
  const at = (
    kept: Joining['intent'],
    other: Joining['intent'],
    hearer: () => Announcer,
  ): Pick<IndexRequests, 'keep-intent' | 'read-intent'> => ({
    'keep-intent': async (page) => {
      const reply = kept.keep(page)
      hearer().tellRoom()
      return reply
    },
    'read-intent': async (page) =>
      page.logId === undefined || page.logId === kept.state?.logId
        ? kept.read(page)
        : page.logId === other.state?.logId
          ? other.read(page)
          : { records: [] },
  })
  return {
    cluster: at(intent, ownIntent, () => announcers().own),
    own: at(ownIntent, intent, () => announcers().index),
  }
}

function membersOf(meshed: MeshParts): MemberLink {
  return {
    lastSeq: () => meshed.catalog.lastSeq,
    async ask(peerId, type, body, signal) {
      const target = meshed.member?.mirrors.targetOf(peerId)
      if (target === undefined) throw new AppError('PEER_UNKNOWN', { peerId })
      return await meshed.connections.request(target, type, body, signal)
    },
  }
}

/**
 * Reports to an index while it is there: one that returns assigns its tasks again, and reports to others
 * do not wait for it.
 */
function presentLink(index: Announcer): IndexLink {
  const link = taskLink(index)
  const check = (): void => {
    if (index.connection === undefined)
      throw new AppError('INDEX_UNREACHABLE', { address: index.address })
  }
  return {
    announced: async (signal) => {
      check()
      await link.announced(signal)
    },
    report: async (outcomes, signal) => {
      check()
      return await link.report(outcomes, signal)
    },
    progress: async (tasks, signal) => {
      check()
      return await link.progress(tasks, signal)
    },
    confirmDrops: async (copies, signal) => {
      check()
      return await link.confirmDrops(copies, signal)
    },
  }
}

/** A connection to the asked index, which is over when another one is asked. */
async function untilSwitched(
  asked: AskedIndex,
  signal: AbortSignal,
): Promise<Pick<Connection, 'onClosed' | 'request'>> {
  const connection = await asked.connected(signal)
  const { switched } = asked
  return {
    request: connection.request.bind(connection),
    onClosed(listener) {
      connection.onClosed(listener)
      switched?.addEventListener('abort', listener, { once: true })
    },
  }
}
