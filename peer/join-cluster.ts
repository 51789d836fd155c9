/** Registers a peer at its index: announces, reports downloads, and carries out tasks. */
import type { Clock } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import type { HttpsIdentity } from '../common/https-server.ts'
import type { Cluster } from '../common/identity/open-cluster.ts'
import type { Log } from '../common/log.ts'
import type { ClusterDesk } from '../common/protocol/cluster-desk.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { Handlers } from '../common/protocol/handlers.ts'
import type { IntentState, RequestOf } from '../common/protocol/messages.ts'
import type { Multicast } from '../common/protocol/multicast.ts'
import type { Address, Transport } from '../common/protocol/transport.ts'
import type { Random } from '../common/random.ts'
import { Announcer } from './announce/announcer.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import { FetchingTeller } from './announce/fetching-teller.ts'
import type { HttpNotice } from './announce/http-notice.ts'
import type { Inventory } from './announce/inventory.ts'
import type { KeptIntent } from './announce/kept-intent.ts'
import type { ReachNotice } from './announce/reach-notice.ts'
import type { UnfinishedContents } from './fetch/disk/unfinished-contents.ts'
import type { Finder } from './find/finder.ts'
import type { IndexLink } from './find/index-link.ts'
import type { Limiter } from './limit/limiter.ts'
import { type Measured, TrafficLoad } from './limit/traffic-load.ts'
import type { StartOwnIndex } from './mesh/own-index.ts'
import { Capacity } from './replicate/capacity.ts'
import type { DropLink } from './replicate/drop-confirmer.ts'
import { type ReplicaFetcher, type ReplicaShelf, Replicator } from './replicate/replicator.ts'
import type { TaskLink } from './replicate/reporter.ts'
import type { Restorer } from './replicate/restorer.ts'
import type { Serving } from './serve/start-serving.ts'
import type { PeerSettings } from './settings.ts'
import type { Share } from './share/share.ts'
import type { Shelf } from './shelf.ts'

export interface PeerDependencies {
  readonly transport: Transport
  /** Answers requests for the authority of a secured cluster. */
  readonly desk?: ClusterDesk | undefined
  /** Has the authority of the secured cluster do what admins may ask for. */
  readonly askAuthority?: Cluster['askAuthority'] | undefined
  /** Has the authority looked for among the members of this peer's mesh, too. */
  readonly findAuthorityBy?: Cluster['findAuthorityBy'] | undefined
  /** Tells what the authority does, if this peer has it. */
  readonly onNews?: Cluster['onNews'] | undefined
  /** Finds peers of a mesh in the local network; without it none are searched. */
  readonly multicast?: Multicast | undefined
  /** Starts the index of a peer in a mesh; needed for `settings.mesh`. */
  readonly startOwnIndex?: StartOwnIndex | undefined
  /** In a secured cluster. */
  readonly identity?: HttpsIdentity | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** The parts of a peer that take part in the cluster. */
export interface Joining {
  readonly share: Shelf &
    ReplicaShelf &
    Pick<Share, 'catalog' | 'relabel' | 'room' | 'totals' | 'verify'>
  readonly serving: Pick<Serving, 'address' | 'prover'>
  readonly fetcher: ReplicaFetcher
  readonly restorer: Pick<Restorer, 'accept'>
  readonly unfinished: Pick<UnfinishedContents, 'changes' | 'contents'>
  readonly reach: ReachNotice
  readonly limiter: Pick<Limiter, 'capacityBytes' | 'onCapacity'> & Measured
  readonly identity: string
  readonly http?: HttpNotice
  readonly intent: Pick<KeptIntent, 'state' | 'keep' | 'read'>
}

export type JoiningSettings = Pick<PeerSettings, 'advertiseHost' | 'peerId' | 'zone'>

/** What an index asks of a peer. */
export type IndexRequests = Handlers<'index', 'peer', undefined>

/** An index to register at. */
export interface IndexToJoin {
  readonly address: Address
  readonly transport: Transport
  /** Where others reach this peer, if it could not see that itself. */
  readonly host?: string
  /** What is announced there. */
  readonly inventory: Inventory
  /** The decisions that are kept for it. */
  readonly intent: Pick<KeptIntent, 'state'>
  /** Decisions made elsewhere that it should hear of. */
  readonly otherIntent?: (() => IntentState | undefined) | undefined
  readonly handlers: IndexRequests
}

/** The peer's answers to an index. */
export function requestHandlers(
  {
    share,
    serving: { prover },
    restorer,
    intent,
    reach,
  }: Pick<Joining, 'share' | 'serving' | 'restorer' | 'intent' | 'reach'>,
  replicator: () => Replicator,
): IndexRequests {
  return {
    tasks: async ({ tasks }) => {
      replicator().accept(tasks)
      return {}
    },
    'cancel-tasks': async ({ taskIds }) => {
      replicator().cancel(taskIds)
      return {}
    },
    probe: async () => ({}),
    verify: async ({ sha256 }) => {
      share.verify(sha256)
      return {}
    },
    prove: async (challenge, _, signal) => ({ proof: await prover.prove(challenge, signal) }),
    'show-chunk': async (wanted, _, signal) => ({
      reply: {},
      bulk: await prover.show(wanted, signal),
    }),
    'confirm-copies': async ({ sha256s }) => ({
      confirmed: await replicator().confirmCopies(sha256s),
    }),
    relabel: async ({ copies }) => ({ relabelled: await share.relabel(copies) }),
    'restore-file': async (file) => {
      await restorer.accept(file)
      return {}
    },
    'keep-intent': async (page) => intent.keep(page),
    'read-intent': async (page) => intent.read(page),
    reached: async (reached) => {
      reach.onReached(reached)
      return {}
    },
  }
}

export interface Joined {
  /** The index that this peer asks. */
  readonly announcer: AskedIndex
}

/**
 * Registers at the index and carries out its tasks. Everything is stopped with `starting`.
 */
export function joinCluster(
  { index, ...settings }: JoiningSettings & { readonly index: Address },
  starting: AsyncDisposableStack,
  joining: Joining,
  dependencies: PeerDependencies,
): { readonly announcer: Announcer } {
  const { share, intent } = joining
  const { transport } = dependencies
  const handlers = requestHandlers(joining, () => replicator)
  const registered = { address: index, transport, inventory: share.catalog, intent, handlers }
  const register = registrar(settings, starting, joining, dependencies)
  const announcer = register(registered)
  const links = { asked: announcer, link: taskLink(announcer) }
  const replicator = carryOut(starting, { ...joining, ...links }, dependencies)
  return { announcer }
}

/** Registers this peer at one index after the other. */
export function registrar(
  settings: JoiningSettings,
  starting: AsyncDisposableStack,
  { share, serving, limiter, identity, http }: Joining,
  dependencies: PeerDependencies,
): (index: IndexToJoin) => Announcer {
  const { uploads, downloads } = limiter
  const announcers: Announcer[] = []
  const onNews = (): void => announcers.forEach((announcer) => announcer.tellRoom())
  const load = starting.use(new TrafficLoad({ ...dependencies, uploads, downloads, onNews }))
  limiter.onCapacity(onNews)
  return ({
    address,
    transport,
    host = settings.advertiseHost,
    inventory,
    intent,
    otherIntent,
    handlers,
  }) => {
    const announcer = starting.use(
      Announcer.start(
        {
          ...settings,
          index: address,
          identity,
          host,
          port: serving.address.port,
        },
        {
          ...dependencies,
          transport,
          inventory,
          room: async () => ({ ...(await share.room()), ...capacityOf(limiter), ...load.now }),
          intent: () => intent.state,
          ...(otherIntent && { otherIntent }),
          ...(http && { http: (signal) => http.listening(signal) }),
          handlers,
        },
      ),
    )
    announcers.push(announcer)
    return announcer
  }
}

/** Carries out tasks, and tells what is downloaded to the index that is asked. */
export function carryOut(
  starting: AsyncDisposableStack,
  {
    share,
    fetcher,
    unfinished,
    limiter,
    asked,
    link,
  }: Joining & {
    readonly asked: {
      connected(signal: AbortSignal): Promise<Pick<Connection, 'onClosed' | 'request'>>
    }
    readonly link: TaskLink & DropLink
  },
  dependencies: PeerDependencies,
): Replicator {
  const connected = asked.connected.bind(asked)
  starting.use(FetchingTeller.start({ ...dependencies, unfinished, connected }))
  const capacity = new Capacity({
    capacityBytes: () => limiter.capacityBytes,
    replicaBytes: () => share.totals().replicated.bytes,
  })
  const replicating = { shelf: share, fetcher, link, capacity }
  return starting.use(new Replicator({ ...dependencies, ...replicating }))
}

function capacityOf({
  capacityBytes,
}: Pick<Limiter, 'capacityBytes'>): Pick<RequestOf<'heartbeat'>, 'capacityBytes'> {
  return capacityBytes === Infinity ? {} : { capacityBytes }
}

/**
 * Has the index dial a peer that this one could not reach. Without a connection to the index, a
 * later failure reports it.
 */
export function tellUnreached(
  peerId: string,
  { connection }: Pick<AskedIndex, 'connection'>,
): void {
  connection?.request('unreached', { peerId }).catch(() => {})
}

/**
 * Tells the index that a source sent wrong bytes. Without an index it is not told: the next fetch
 * from that source tells it.
 */
export async function tellBlamed(
  accusation: RequestOf<'accuse'>,
  { finder, log }: { finder: Pick<Finder, 'accuse'>; log: Log },
  signal: AbortSignal,
): Promise<void> {
  try {
    await finder.accuse(accusation, signal)
  } catch (error) {
    signal.throwIfAborted()
    log.info({ ...accusation, reason: reasonOf(error) }, 'the index was not told of wrong bytes')
  }
}

/** The link to the index for user requests. */
export function hurriedLink(announcer: AskedIndex): IndexLink {
  return {
    address: announcer.address,
    get awayMs() {
      return announcer.awayMs
    },
    get waitMs() {
      return announcer.waitMs
    },
    get silence() {
      return announcer.silence
    },
    connected: (signal) => announcer.connected(signal, { isHurried: true }),
  }
}

/** Reports to one index. */
export function taskLink(announcer: Announcer): TaskLink & DropLink {
  return {
    confirmDrops: async (copies, signal) => {
      const connection = await announcer.connected(signal)
      return (await connection.request('confirm-drops', { copies }, { signal })).confirmed
    },
    announced: (signal) => announcer.announced(signal),
    report: async (outcomes, signal) => {
      const connection = await announcer.connected(signal)
      return await connection.request('report', { outcomes }, { signal })
    },
    progress: async (tasks, signal) => {
      const connection = await announcer.connected(signal)
      return await connection.request('progress', { tasks }, { signal })
    },
  }
}
