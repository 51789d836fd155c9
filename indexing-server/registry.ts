import type { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { parsePeerId } from '../common/ids.ts'
import type { Log } from '../common/log.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { IntentState, PeerInfo, PeerState, RequestOf } from '../common/protocol/messages.ts'
import { formatAddress } from '../common/protocol/transport.ts'
import type { Random } from '../common/random.ts'
import { Accusations } from './accusations.ts'
import { accuserOf } from './accuser.ts'
import { Claims } from './claims.ts'
import type { Announced } from './doubts.ts'
import { breaksRemembered } from './flapping.ts'
import { httpAddressOf } from './http-address.ts'
import { Identities, type TakeRelease } from './identities.ts'
import { type Liveness, type LivenessOptions, livenessOf } from './liveness.ts'
import { PeerListing, peerInfoOf } from './peer-listing.ts'
import { PeerRequests } from './peer-requests.ts'
import { type DialBack, Reachability } from './reachability.ts'
import type { Holdings, IndexStore, PeerRecord } from './store/store.ts'
import {
  type Peer,
  type Plans,
  type TrackedPeer,
  takeHeartbeat,
  trackedPeer,
} from './tracked-peer.ts'

/** Maximum interval between checks of the peers' liveness. */
const livenessCheckMs = 1_000

export type { Peer } from './tracked-peer.ts'

/** An accepted connection, and the peer that registered on it. */
export interface Session {
  readonly connection: Connection
  readonly peerId: string | undefined
}

/** What a registration says about the peer's inventory. */
export interface Arrival {
  /** Whether the index has it. */
  readonly isComplete: boolean
  /** Whether the peer has announced it, or a part, to this index or another. */
  readonly hasAnnounced: boolean
  /** The decisions that it keeps, if any. */
  readonly intent: IntentState | undefined
  /** Those that it keeps for another index, if any. */
  readonly otherIntent: IntentState | undefined
}

/** Called synchronously when a peer's liveness changes, and when it registers. */
export interface RegistryListener {
  onPeerChange(peer: Peer, before: Liveness): void
  onRegistered(peerId: string, arrival: Arrival): void
  /** A peer was accused, or is no longer accused. */
  onAccusations(): void
}

export interface RegistryOptions extends LivenessOptions {
  /**
   * Maximum number of peers, including dead ones; dead peers that hold nothing are forgotten first.
   */
  readonly peersMax: number
}

type RegistryStore = Pick<
  IndexStore,
  'peers' | 'register' | 'identityOf' | 'releaseIdentity' | 'recordGone' | 'forgetPeer'
>

/** The registry of peers. Lives in memory; the store records what must survive the process. */
export class Registry implements Disposable {
  /** What the index asks of registered peers. */
  readonly requests: PeerRequests
  readonly #options: RegistryOptions
  readonly #store: RegistryStore
  readonly #clock: Clock
  readonly #log: Log
  readonly #background: BackgroundWork
  readonly #listener: RegistryListener
  readonly #entries = new Map<string, TrackedPeer>()
  readonly #listing = new PeerListing(this.#entries)
  readonly #accusations: Accusations
  readonly #claims = new Claims()
  readonly #reachability: Reachability
  readonly #identities: Identities
  readonly #plans: Plans
  readonly #isDistrusted: (peerId: string) => boolean

  constructor(
    options: RegistryOptions,
    dependencies: {
      store: RegistryStore
      clock: Clock
      log: Log
      background: BackgroundWork
      listener: RegistryListener
      random: Random
      dialBack: DialBack
      /** See {@link Identities}. */
      takeRelease: TakeRelease
      plans: Plans
      /** Whether a peer has failed to prove so many copies that none counts. */
      isDistrusted: (peerId: string) => boolean
    },
  ) {
    this.#options = options
    this.#store = dependencies.store
    this.#clock = dependencies.clock
    this.#log = dependencies.log
    this.#background = dependencies.background
    this.#listener = dependencies.listener
    this.#accusations = new Accusations({
      clock: dependencies.clock,
      onChange: () => this.#listener.onAccusations(),
    })
    this.#identities = new Identities(dependencies)
    this.#plans = dependencies.plans
    this.#isDistrusted = dependencies.isDistrusted
    this.requests = new PeerRequests({
      ...dependencies,
      connectionOf: (peerId) => this.#entries.get(peerId)?.connection,
    })
    this.#reachability = new Reachability({
      ...dependencies,
      onChecked: (peerId, isNews) => this.#onDialled(peerId, isNews),
    })
  }

  /** Loads the peers of the store: those that were not gone are suspect until they connect. */
  async load(): Promise<void> {
    for (const record of await this.#store.peers()) {
      const entry = this.#entryOf(record)
      this.#entries.set(entry.peerId, entry)
    }
    this.#background.start('watch peers', (signal) => this.#watch(signal))
  }

  peerOf(peerId: string): Peer | undefined {
    return this.#entries.get(peerId)
  }

  all(): Iterable<Peer> {
    return this.#entries.values()
  }

  counts(): Record<PeerState, number> {
    const counts = { live: 0, suspect: 0, unreachable: 0, dead: 0 }
    for (const { state } of this.#entries.values()) counts[state]++
    return counts
  }

  /** The number of peers whose copies count: neither dead nor draining. */
  get keeperCount(): number {
    const isKeeper = ({ state, isDraining }: Peer): boolean => state !== 'dead' && !isDraining
    return this.#entries.values().filter(isKeeper).toArray().length
  }

  /** At most `limit` peers after the id `after`, sorted by id. */
  list(after: string | undefined, limit: number): PeerInfo[] {
    return this.#listing
      .page(after, limit)
      .map((entry) => peerInfoOf(entry, this.#silentMs(entry), this.#reachability.of(entry.peerId)))
  }

  /**
   * Registers the peer whose hello arrived on `connection`, replacing a connection that is lost or
   * no longer answers.
   * @returns the last change that the index has of its catalog
   * @throws AppError PEER_ID_INVALID, BAD_REQUEST, PEER_ID_BOUND, PEER_ID_TAKEN, REGISTRY_FULL,
   * CONNECTION_CLOSED
   */
  async register(hello: RequestOf<'hello'>, connection: Connection): Promise<number> {
    const { registration } = hello
    if (registration === undefined || hello.peerId === undefined)
      throw new AppError('BAD_REQUEST', {
        path: 'peerId',
        reason: 'is required for a registration',
      })
    const peerId = parsePeerId(hello.peerId)
    return await this.#claims.serially(peerId, () =>
      this.#register(peerId, registration, connection),
    )
  }

  async #register(
    peerId: string,
    registration: NonNullable<RequestOf<'hello'>['registration']>,
    connection: Connection,
  ): Promise<number> {
    const { epoch, continues, identity, port, freeBytes, diskBytes, capacityBytes, zone } =
      registration
    const host = registration.host ?? connection.remote.host
    const http = httpAddressOf(registration.http, host)
    const known = this.#entries.get(peerId)
    // A certificate says whose the id is.
    const isProven = connection.proven !== undefined
    if (isProven) await this.#identities.release(peerId)
    else
      await this.#identities.check(peerId, identity, known === undefined || known.state === 'dead')
    await this.#claims.check(peerId, epoch, known)
    refuseClosed(connection)
    if (!this.#entries.has(peerId)) await this.#makeRoom()
    const record = { peerId, host, port, zone, freeBytes, heardMs: this.#clock.nowMs() }
    const { seenSeq, holdings } = await this.#store.register({
      ...record,
      epoch,
      continues,
      identity: isProven ? undefined : identity,
    })
    const entry =
      this.#entries.get(peerId) ?? this.#entryOf({ ...record, ...holdings, gone: 'dead' })
    if (!this.#entries.has(peerId)) this.#listing.onMembers()
    this.#entries.set(peerId, entry)
    refuseClosed(connection)
    const replaced = entry.connection
    Object.assign(entry, { host, port, http, zone, freeBytes, diskBytes, capacityBytes, holdings })
    Object.assign(entry, { epoch, seenSeq, connection })
    replaced?.destroy()
    this.#reachability.watch(peerId, entry)
    this.#claims.onTaken(peerId, epoch)
    this.#onSignOfLife(entry)
    this.#log.info({ peerId, host, port, seenSeq }, 'peer registered')
    const { hasAnnounced = false, intent, otherIntent } = registration
    const arrival = { isComplete: seenSeq > 0, hasAnnounced, intent, otherIntent }
    this.#listener.onRegistered(peerId, arrival)
    return seenSeq
  }

  /**
   * The peer that registered on this connection, marked as heard.
   * @throws AppError NOT_REGISTERED if there is none, or another connection replaced this one
   */
  heard(session: Session, type: string): Peer {
    const entry = this.#entries.get(session.peerId ?? '')
    if (entry?.connection !== session.connection)
      throw new AppError('NOT_REGISTERED', { request: type })
    if (entry.gone === undefined) this.#onSignOfLife(entry)
    return entry
  }

  /** Takes over what a heartbeat says; returns whether that is worth showing. */
  onHeartbeat(peerId: string, heartbeat: RequestOf<'heartbeat'>): boolean {
    const entry = this.#entries.get(peerId)
    return entry !== undefined && takeHeartbeat(entry, heartbeat)
  }

  onAnnounced(peerId: string, announced: { holdings: Holdings; seenSeq: number }): void {
    const { holdings, seenSeq } = announced
    const entry = this.#entries.get(peerId)
    if (entry !== undefined) Object.assign(entry, { holdings, seenSeq })
  }

  /** How far a peer that registered since the start has announced its catalog. */
  announcedBy(peerId: string): Announced | undefined {
    const entry = this.#entries.get(peerId)
    if (entry === undefined || entry.epoch === '') return undefined
    const { epoch, seenSeq } = entry
    return { epoch, seenSeq }
  }

  /** One peer reports that another sent it bytes with a wrong hash. Unknown peers are ignored. */
  accuse({ session, peerId, sha256 }: { session: Session; peerId: string; sha256: string }): void {
    const accuser = session.peerId
    if (accuser === peerId || !this.#entries.has(peerId)) return
    this.#log.warn({ accuser, peerId, sha256 }, 'peer accused of wrong bytes')
    this.#accusations.add(peerId, accuserOf(session.connection))
  }

  /** The index has found that a peer claims a copy that it does not have. */
  convict(peerId: string): void {
    if (this.#entries.has(peerId)) this.#accusations.convict(peerId)
  }

  /** One peer could not connect to another. */
  onUnreached(peerId: string): void {
    if (this.#entries.get(peerId)?.connection !== undefined) this.#reachability.doubt(peerId)
  }

  /**
   * Forgets a dead peer; registrations with its id wait meanwhile.
   * @param removeAll removes what belongs to it
   * @throws AppError PEER_UNKNOWN, PEER_NOT_DEAD, and errors of `removeAll`
   */
  async forget(peerId: string, removeAll: () => Promise<void>): Promise<void> {
    await this.#claims.serially(peerId, async () => {
      const entry = this.#entries.get(peerId)
      if (entry === undefined) throw new AppError('PEER_UNKNOWN', { peerId })
      const { state } = entry
      if (state !== 'dead') throw new AppError('PEER_NOT_DEAD', { peerId, state })
      await removeAll()
      await this.#store.forgetPeer(peerId, { releasesId: true })
      this.#remove(peerId)
    })
  }

  /** The plan for a peer has changed. */
  onPlan(peerId: string): void {
    const entry = this.#entries.get(peerId)
    if (entry !== undefined) this.#update(entry)
  }

  /** The peer reports that it stops; `forGood`: its copies no longer count. */
  async leave(peerId: string, { forGood }: { forGood: boolean }): Promise<void> {
    const entry = this.#entries.get(peerId)
    if (entry === undefined) return
    this.#log.info({ peerId, forGood }, 'peer left')
    const gone = forGood ? 'dead' : 'left'
    entry.gone = gone
    this.#update(entry)
    // An intended end is no reason to suspect a failure of many peers.
    if (forGood) entry.lastLiveMs = undefined
    await this.#store.recordGone(peerId, gone, this.#clock.nowMs())
  }

  onClosed(session: Session): void {
    const entry = this.#entries.get(session.peerId ?? '')
    if (entry?.connection !== session.connection) return
    entry.connection = undefined
    this.#reachability.pause(entry.peerId)
    this.#update(entry)
  }

  [Symbol.dispose](): void {
    this.#accusations[Symbol.dispose]()
    this.#reachability[Symbol.dispose]()
  }

  /** @throws AppError REGISTRY_FULL if all peers are alive or hold something */
  async #makeRoom(): Promise<void> {
    const { peersMax } = this.#options
    if (this.#entries.size < peersMax) return
    const forgettable = [...this.#entries.values()].filter(
      ({ state, connection, holdings }) =>
        state === 'dead' && connection === undefined && holdings.copies === 0,
    )
    const [first] = forgettable.toSorted((a, b) => a.heardMs - b.heardMs)
    if (first === undefined) throw new AppError('REGISTRY_FULL', { max: peersMax })
    this.#remove(first.peerId)
    await this.#store.forgetPeer(first.peerId, { releasesId: false })
  }

  #remove(peerId: string): void {
    this.#entries.get(peerId)?.connection?.destroy()
    this.#entries.delete(peerId)
    this.#claims.forget(peerId)
    this.#reachability.forget(peerId)
    this.#listing.onMembers()
  }

  #onDialled(peerId: string, isNews: boolean): void {
    const entry = this.#entries.get(peerId)
    if (entry?.connection === undefined) return
    const { host, port } = entry
    const reach = this.#reachability.of(peerId)
    const reason = reach.name === 'unreachable' ? { reason: reach.reason.slice(0, 500) } : {}
    if (isNews) this.#log.info({ peerId, host, port, reach: reach.name, ...reason }, 'peer dialled')
    this.#update(entry)
    if (isNews || reach.name !== 'unreachable')
      this.requests.tellReached(peerId, { host, port, ...reason })
  }

  #onSignOfLife(entry: TrackedPeer): void {
    entry.heardMs = this.#clock.monotonicMs()
    entry.gone = undefined
    if (entry.state !== 'live') this.#update(entry)
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { heartbeatMs, deadAfterMs } = this.#options
    const everyMs = Math.min(livenessCheckMs, heartbeatMs / 2, deadAfterMs / 10)
    for (let lookedMs = this.#clock.monotonicMs(); ; lookedMs = this.#clock.monotonicMs()) {
      await this.#clock.sleep(everyMs, signal)
      // If this process itself was suspended, it heard no peer: their silence does not count.
      const lateMs = this.#clock.monotonicMs() - lookedMs - everyMs
      for (const entry of this.#entries.values()) {
        // A peer heard between the suspension and this check was silent for less than the
        // suspension.
        if (lateMs > everyMs)
          entry.heardMs = Math.min(entry.heardMs + lateMs, this.#clock.monotonicMs())
        this.#update(entry)
      }
    }
  }

  #update(entry: TrackedPeer): void {
    const before: Liveness = { state: entry.state, isLost: entry.isLost }
    const after = this.#livenessOf(entry)
    if (before.state === after.state && before.isLost === after.isLost) return
    Object.assign(entry, after)
    if (before.state === 'live') {
      entry.lastLiveMs = this.#clock.monotonicMs()
      if (!entry.isExcused) entry.breaksMs.push(entry.lastLiveMs)
      entry.breaksMs.splice(0, entry.breaksMs.length - breaksRemembered)
    }
    if (after.state !== before.state)
      entry.liveSinceMs = after.state === 'live' ? this.#clock.monotonicMs() : undefined
    this.#log.debug({ peerId: entry.peerId, ...after }, 'peer changed')
    if (after.state === 'dead' && after.isLost && entry.gone !== 'dead') this.#declareDead(entry)
    this.#listener.onPeerChange(entry, before)
  }

  #declareDead(entry: TrackedPeer): void {
    const { peerId, connection } = entry
    this.#log.warn({ peerId, silentMs: this.#silentMs(entry) }, 'peer is dead')
    entry.gone = 'dead'
    entry.connection = undefined
    connection?.destroy()
    const heardMs = this.#clock.nowMs() - this.#silentMs(entry)
    this.#background.start('record a death', () => this.#store.recordGone(peerId, 'dead', heardMs))
  }

  #livenessOf(entry: TrackedPeer): Liveness {
    const { connection, gone } = entry
    const reach = this.#reachability.of(entry.peerId)
    const nowMs = this.#clock.monotonicMs()
    const presence = {
      isConnected: connection !== undefined,
      gone,
      silentMs: this.#silentMs(entry),
      isReached: reach.name === 'reachable',
      unreachableMs: reach.name === 'unreachable' ? nowMs - reach.sinceMs : undefined,
      isInMaintenance: entry.maintenance !== undefined,
    }
    return livenessOf(presence, this.#options)
  }

  #silentMs(entry: Pick<TrackedPeer, 'heardMs'>): number {
    return this.#clock.monotonicMs() - entry.heardMs
  }

  #entryOf(record: PeerRecord): TrackedPeer {
    const { deadAfterMs } = this.#options
    const facts = { accusations: this.#accusations, plans: this.#plans, clock: this.#clock }
    const isDistrusted = this.#isDistrusted
    const entry = trackedPeer(record, { ...facts, isDistrusted, deadAfterMs })
    return Object.assign(entry, this.#livenessOf(entry))
  }
}

/** @throws AppError CONNECTION_CLOSED */
function refuseClosed(connection: Connection): void {
  if (!connection.isOpen)
    throw new AppError('CONNECTION_CLOSED', { address: formatAddress(connection.remote) })
}
