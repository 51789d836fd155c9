/**
 * Assembles the index. Parts start in this order and stop in reverse:
 *
 *   changes      told of changes by all other parts
 *   store        read and written by all other parts
 *   background   recording the end of peers needs the store
 *   events       written to the store in groups; all later parts record some
 *   replaced     expires replaced versions
 *   coordinator  reads the store, sends tasks on the registry's connections
 *   server       last to start and first to stop: requests never meet a partial index
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import type { Cluster } from '../common/identity/open-cluster.ts'
import { limits } from '../common/limits.ts'
import type { Log } from '../common/log.ts'
import type { ClusterDesk } from '../common/protocol/cluster-desk.ts'
import type { Connection } from '../common/protocol/connection.ts'
import { LongFrames } from '../common/protocol/long-frames.ts'
import type { ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import { type Server, startServer } from '../common/protocol/server.ts'
import type { Address, Transport } from '../common/protocol/transport.ts'
import type { Random } from '../common/random.ts'
import { isDamage, type openDatabase } from '../common/sqlite.ts'
import { Admission } from './admission.ts'
import { ChangeFeed } from './changes/change-feed.ts'
import { dialBackOver } from './dial-back.ts'
import { Doubts } from './doubts.ts'
import { EventLog } from './events/event-log.ts'
import { Fetching } from './fetching.ts'
import { type IndexHandlers, indexHandlers } from './handlers.ts'
import { type JoinedParts, joinedParts } from './joined-parts.ts'
import { KnownFilesFiller } from './known-files/known-files-filler.ts'
import { LookupMemory } from './known-files/lookup-memory.ts'
import { LookupShortcut } from './known-files/lookup-shortcut.ts'
import { LoopTurns } from './loop-turns.ts'
import { IndexMetrics } from './metrics.ts'
import { NameSearch, type NameSearchDependencies } from './name-search/name-search.ts'
import { notesFrom } from './peer-notes.ts'
import { Unproven } from './proofs/unproven.ts'
import type { DialBack } from './reachability.ts'
import { Registry, type Session } from './registry.ts'
import { takeRelease } from './released-ids.ts'
import type { Repairs } from './replication/coordinator.ts'
import type { DutyGate } from './replication/duty.ts'
import { Factors } from './replication/factors.ts'
import type { Healed } from './replication/open-needs.ts'
import { securityEvents } from './security-events.ts'
import type { IndexSettings } from './settings.ts'
import { clusterStatus } from './status.ts'
import type { DoubtOf } from './store/content-reader.ts'
import { SqliteStore, type SqliteStoreOptions } from './store/sqlite-store.ts'
import { WriteHealth } from './write-health.ts'

/** The database in the data folder. */
export const databaseName = 'index.sqlite'

/** The settings of the index; main.ts runs the health server. */
export interface IndexingServerSettings
  extends Omit<
    IndexSettings,
    | 'httpHost'
    | 'httpPort'
    | 'allowedHosts'
    | 'insecure'
    | 'secure'
    | 'advertiseHost'
    | 'tokenOut'
    | 'adminTokenOut'
  > {
  /** Whether other machines reach it without TLS; the status says so. */
  readonly isInsecure?: boolean
}

export interface IndexingServerDependencies {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /**
   * The peer whose own index this is, in a mesh: others know the same, so that it acts for a share of
   * the contents (see {@link Duty}).
   */
  readonly ownPeerId?: string | undefined
  /** Whether it acts, beside the index of a cluster; by default it does. */
  readonly gate?: DutyGate | undefined
  /** Answers requests for the authority of a secured cluster. */
  readonly desk?: ClusterDesk | undefined
  /** Tells what the authority does, if this process has it. */
  readonly onNews?: Cluster['onNews'] | undefined
  /** Dials peers back; by default over the transport. */
  readonly dialBack?: DialBack
  /** See {@link SqliteStore}. */
  readonly openDatabase?: typeof openDatabase
  /** Told when the database is found to be damaged, possibly several times. */
  readonly onDamage?: (error: unknown) => void
}

export interface IndexingServer extends AsyncDisposable {
  /** The address that it listens on. */
  readonly address: Address
  readonly metrics: IndexMetrics
  readonly repairs: Repairs
  /** Size of the database, without free pages. */
  readonly usedBytes: () => number
  /** The state of the cluster; fails when the database does. */
  readonly status: () => Promise<ReplyOf<'status'>>
  /**
   * Why the index is degraded, if it is: it answers queries but cannot write. Fails if it cannot
   * answer.
   */
  readonly health: () => Promise<string | undefined>
  /** The gate has opened or closed, at all or for some contents. */
  onGate(): void
}

/**
 * Starts an index on the database in `settings.data`, or on one in memory for `:memory:`.
 * @throws AppError ADDRESS_IN_USE, DATA_IN_USE, DATABASE_UNUSABLE, DISK_FAILED
 */
export async function startIndexingServer(
  settings: IndexingServerSettings,
  dependencies: IndexingServerDependencies,
): Promise<IndexingServer> {
  const { clock } = dependencies
  await using starting = new AsyncDisposableStack()
  const metrics = new IndexMetrics()
  const onHealed = (healed: Healed): void => metrics.onHealed(healed)
  const changes = starting.use(new ChangeFeed({ ...dependencies, status: () => status() }))
  const longFrames = new LongFrames()
  const pause = (): Promise<void> => longFrames.pause()
  const parts = await openParts(settings, { ...dependencies, changes, onHealed, pause }, starting)
  const { store, writes, lookups, registry, coordinator } = parts

  let server: Server | undefined
  const notes = notesFrom(parts)
  const status = (): Promise<ReplyOf<'status'>> =>
    clusterStatus({ ...parts, ...settings, notes, clock })
  const totals = store.totals.bind(store)
  const connections = (): number => server?.connectionCount ?? 0
  const { repairs } = coordinator
  const admission = new Admission({ clock })
  const accusedPeers = (): number => [...registry.all()].filter(({ isAccused }) => isAccused).length
  const decisionKeepers = (): ReturnType<typeof parts.exchange.counts> => parts.exchange.counts()
  const counted = { totals, connections, admission, repairs, accusedPeers, decisionKeepers }
  metrics.observe({ ...parts, status, ...counted })
  const fetching = new Fetching()
  const handlers = indexHandlers({ ...parts, admission, changes, fetching, status, notes, clock })
  const shortcut = lookupShortcut({ store, lookups, fetching, admission, metrics, clock })
  const served = { ...parts, handlers, metrics, fetching, shortcut, longFrames }
  server = await serve(settings, served, starting, dependencies)
  starting.use(server)
  parts.start()
  const { address } = server
  const running = starting.move()
  const health = async (): Promise<string | undefined> => {
    await store.totals()
    return await writes.check()
  }
  return {
    address,
    metrics,
    repairs,
    usedBytes: () => store.usedBytes,
    status,
    health,
    onGate() {
      coordinator.onDuty()
      parts.relabels.onStrays()
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Answers most lookups. */
function lookupShortcut({
  store,
  lookups,
  fetching,
  admission,
  metrics,
  clock,
}: {
  readonly store: Pick<SqliteStore, 'soleContent'>
  readonly lookups: LookupMemory
  readonly fetching: Fetching
  readonly admission: Admission
  readonly metrics: IndexMetrics
  readonly clock: Clock
}): LookupShortcut {
  return new LookupShortcut(lookups, {
    clock,
    fetching,
    load: (name) => lookups.load(name, store),
    isOpen: () => admission.mayAnswerQuick(),
    onAnswered(count, seconds) {
      lookups.onAnswered(count)
      metrics.onAnswered('lookup', count, seconds)
    },
  })
}

/** Listens, and tells the events whom it refused. */
async function serve(
  settings: IndexingServerSettings,
  {
    handlers,
    registry,
    events,
    metrics,
    fetching,
    shortcut,
    longFrames,
  }: Pick<OpenedParts, 'registry' | 'events'> & {
    readonly handlers: IndexHandlers
    readonly metrics: IndexMetrics
    readonly fetching: Fetching
    readonly shortcut: LookupShortcut
    readonly longFrames: LongFrames
  },
  starting: AsyncDisposableStack,
  dependencies: IndexingServerDependencies,
): Promise<Server> {
  const { clock, onNews } = dependencies
  const security = securityEvents(events, metrics, { clock })
  if (onNews !== undefined) starting.defer(onNews(security.onNews))
  return await startServer<'index', Session>(
    { role: 'index', address: settings, connectionsMax: limits.connectionsMax },
    {
      ...dependencies,
      shortcut,
      longFrames,
      handlers: metrics.measured(handlers, clock, damageReporter(dependencies)),
      desk: dependencies.desk,
      onRefused: security.onRefused,
      welcome: (hello, connection) => welcome(hello, connection, registry, settings),
      onClosed: (session) => {
        registry.onClosed(session)
        fetching.set(session, [])
      },
    },
  )
}

function damageReporter({
  onDamage = () => {},
}: IndexingServerDependencies): (error: unknown) => void {
  return (error) => {
    if (isDamage(error)) onDamage(error)
  }
}

type OpenedParts = JoinedParts & {
  readonly store: SqliteStore
  readonly events: EventLog
  readonly writes: WriteHealth
  readonly factors: Factors
  readonly lookups: LookupMemory
  readonly names: NameSearch | undefined
}

/** All parts, with what the database has loaded, owned by `stack`. */
async function openParts(
  settings: IndexingServerSettings,
  dependencies: IndexingServerDependencies & {
    readonly onHealed: (healed: Healed) => void
    readonly changes: ChangeFeed
    readonly pause: () => Promise<void>
  },
  stack: AsyncDisposableStack,
): Promise<OpenedParts> {
  const { transport, clock, log } = dependencies
  const { dialBack = dialBackOver(transport, { clock, log }) } = dependencies
  const doubts = new Doubts({ clock })
  const unproven: Unproven = new Unproven({ clock, log, records: () => opened.store.proofs })
  const factors = new Factors(settings.replicationFactor)
  const path = await databasePath(settings.data)
  const opened = openStore(
    { ...settings, path },
    { ...dependencies, doubts, unproven, factors },
    stack,
  )
  const { events } = opened
  const isBusy = (): boolean => parts.coordinator.isJudging
  const names = openNameSearch(settings.data, opened, { isBusy, clock, log })
  const lookups: LookupMemory = new LookupMemory(
    { filesBytesMax: settings.lookupBytes },
    { ...dependencies, peerOf: (peerId) => parts.registry.peerOf(peerId) },
  )
  const parts: JoinedParts = joinedParts(settings, {
    ...dependencies,
    ...opened,
    doubts,
    unproven,
    factors,
    lookups,
    names,
    dialBack,
    takeRelease: (peerId, carryOut) => takeRelease(settings.data, peerId, carryOut),
  })
  stack.use(parts)
  const { registry, peerEvents, brake, decisions } = parts
  await parts.proofs.load()
  await decisions.load()
  await registry.load()
  brake.load()
  peerEvents.load(registry.all())
  events.record({ kind: 'index-started' })
  const filler = new KnownFilesFiller({
    store: opened.store,
    files: lookups.files,
    turns: new LoopTurns(),
    isBusy,
    clock,
  })
  opened.background.start('keep files in memory', (signal) => filler.run(signal))
  return { ...parts, ...opened, factors, lookups, names }
}

/** Searches by trigrams, beside a database in a folder. */
function openNameSearch(
  folder: string,
  { store, background }: { store: SqliteStore; background: BackgroundWork },
  dependencies: Pick<NameSearchDependencies, 'isBusy' | 'clock' | 'log'>,
): NameSearch | undefined {
  if (folder === ':memory:') return undefined
  const path = join(folder, 'names.sqlite')
  const names = new NameSearch(path, { ...dependencies, store, turns: new LoopTurns() })
  background.start('find names by trigrams', (signal) => names.run(signal))
  return names
}

/** The store and the monitoring of its writes, owned by `stack`. */
function openStore(
  options: SqliteStoreOptions,
  {
    clock,
    random,
    log,
    openDatabase: open,
    doubts,
    unproven,
    factors,
    changes,
  }: IndexingServerDependencies & {
    doubts: Doubts
    unproven: Unproven
    factors: Factors
    changes: ChangeFeed
  },
  stack: AsyncDisposableStack,
): { store: SqliteStore; background: BackgroundWork; events: EventLog; writes: WriteHealth } {
  const onFault = (error: AppError): void => writes.onFault(error)
  const doubtOf: DoubtOf = (peerId, sha256) => {
    if (unproven.has(peerId, sha256)) return { isDoubted: true, isUnproven: true }
    return doubts.has(peerId, sha256) ? { isDoubted: true } : undefined
  }
  const views = { doubtOf, factors }
  const onProgress = (step: string): void => log.info({ step }, 'migrating the database')
  const hooks = { onFault, onProgress, ...(open !== undefined && { open }) }
  const opening = { clock, random, ...hooks, ...views }
  const store = stack.use(new SqliteStore(options, opening))
  const background = stack.use(new BackgroundWork({ log }))
  const onRecorded = (): void => changes.touch('events')
  const events = stack.use(new EventLog({ store, onRecorded, background, clock, log }))
  const probe = (): Promise<void> => store.probe()
  const writes = new WriteHealth({ probe, background, clock, random, log })
  return { store, background, events, writes }
}

/** Accepts a connection; a peer that sends its registration is registered on it. */
async function welcome(
  hello: RequestOf<'hello'>,
  connection: Connection,
  registry: Registry,
  { heartbeatMs }: Pick<IndexSettings, 'heartbeatMs'>,
): Promise<{ reply: Pick<ReplyOf<'hello'>, 'registered'>; session: Session }> {
  if (hello.registration === undefined)
    return { reply: {}, session: { connection, peerId: undefined } }
  if (hello.role !== 'peer')
    throw new AppError('BAD_REQUEST', { path: 'registration', reason: 'is for peers only' })
  const seenSeq = await registry.register(hello, connection)
  return {
    reply: { registered: { seenSeq, heartbeatMs } },
    session: { connection, peerId: hello.peerId },
  }
}

/** @throws AppError DISK_FAILED if the folder cannot be created */
async function databasePath(folder: string): Promise<string> {
  if (folder === ':memory:') return folder
  try {
    await mkdir(folder, { recursive: true })
    return join(folder, databaseName)
  } catch (error) {
    const details = { action: 'create the folder', path: folder, reason: reasonOf(error) }
    throw new AppError('DISK_FAILED', details, { cause: error })
  }
}
