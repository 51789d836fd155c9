import assert from 'node:assert/strict'
import type { Address } from '../../../common/protocol/transport.ts'
import { type Random, seededRandom } from '../../../common/random.ts'
import type { Database } from '../../../common/sqlite.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import {
  type IndexingServer,
  type IndexingServerSettings,
  startIndexingServer,
} from '../../../indexing-server/indexing-server.ts'
import type { OwnIndexGate, StartOwnIndex } from '../../../peer/mesh/own-index.ts'
import { type ShapedHost, ShapedNetwork, type TappedBytes } from '../shaped-network.ts'
import { type ClusterPeer, indexAddress, startClusterPeer } from './cluster-peer.ts'
import { databaseInMemory } from './database-in-memory.ts'
import { EventLog } from './event-log.ts'
import type { ShareWatcher } from './share-watcher.ts'
import { SimulatedDisk, writtenIn } from './simulated-disk.ts'
import { SimulatedProcess, type WallClock } from './simulated-process.ts'

export interface ClusterOptions {
  readonly seed: string
  readonly peers: readonly { readonly zone?: string; readonly diskBytes: number }[]
  readonly settings: Partial<IndexingServerSettings>
  /** Whether the peers are a mesh. */
  readonly isMesh?: boolean | undefined
  /** Whether a mesh has an index, too; other clusters have one. */
  readonly hasIndex?: boolean | undefined
}

export interface ClusterDependencies {
  readonly watcherOf: (machine: Machine) => ShareWatcher
  /** Sees everything on the network. */
  readonly tap: (tapped: TappedBytes) => void
}

/** 100 Mbit/s. */
const bytesPerMs = 12_500
const jitterMsMax = 5

/** The settings of the index, unless a script changes them: times are shorter than usual, in the same order. */
const indexSettings: IndexingServerSettings = {
  ...indexAddress,
  data: ':memory:',
  replicationFactor: 2,
  heartbeatMs: 20_000,
  deadAfterMs: 60_000,
  startGraceMs: 3_000,
  brakeMs: 300_000,
  settleMs: 1_000,
  trimAfterMs: 180_000,
  reserveBytes: 0,
  repairBytesPerSecond: 'unlimited',
  moveBytesPerSecond: 'unlimited',
  rebalanceAbove: 0,
  replacedMs: 600_000,
  replacedBytes: 1_000_000_000,
  trashMs: 600_000,
  trashBytes: 1_024 ** 4,
  lookupBytes: 2 ** 20,
  proofMs: 3_600_000,
  commitDelayMs: 2,
}

/** A machine with the disk of a peer, and the peer's process while it runs. */
export class Machine {
  readonly peerId: string
  readonly zone: string | undefined
  readonly disk: SimulatedDisk
  readonly wall: WallClock = { aheadMs: 0 }
  run: PeerRun | undefined
  /** Whether it never runs again. */
  isGone = false
  starts = 0
  /** When its last process ended (elapsed). */
  endedAtMs = Number.NEGATIVE_INFINITY
  /** When its disk was last lost (elapsed), and the contents on it. */
  diskLostAtMs = Number.NEGATIVE_INFINITY
  lostContents: ReadonlySet<string> = new Set()

  constructor(peerId: string, zone: string | undefined, disk: SimulatedDisk) {
    this.peerId = peerId
    this.zone = zone
    this.disk = disk
  }
}

export interface PeerRun {
  readonly process: SimulatedProcess
  readonly host: ShapedHost
  readonly peer: ClusterPeer
  /** In a mesh. */
  readonly ownIndex: RunningIndex | undefined
}

/** An index, and its database. */
export interface RunningIndex {
  readonly server: IndexingServer
  readonly database: Database
}

interface IndexRun extends RunningIndex {
  readonly process: SimulatedProcess
  readonly host: ShapedHost
}

const ownIndexPort = 9_000
/** The first port of a host. */
const memberPort = 1_000

function memberAddress({ peerId }: Machine): Address {
  return { host: peerId, port: memberPort }
}

/** An index and its peers in one process: the code is real; time, network and disks are simulated. */
export class Cluster {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1))
  readonly events = new EventLog(() => this.clock.elapsedMs)
  readonly network: ShapedNetwork
  readonly machines: readonly Machine[]
  readonly indexWall: WallClock = { aheadMs: 0 }
  /** When the disk of the index was last lost (elapsed). */
  indexLostAtMs = Number.NEGATIVE_INFINITY
  readonly #options: ClusterOptions
  readonly #watcherOf: (machine: Machine) => ShareWatcher
  #index: IndexRun | undefined
  #indexImage: Buffer | undefined
  #indexStarts = 0
  /** By host: what to do when the next packet arrives there. */
  readonly #onNextPacket = new Map<string, () => void>()

  constructor(options: ClusterOptions, dependencies: ClusterDependencies) {
    this.#options = options
    this.#watcherOf = dependencies.watcherOf
    const jitter = this.#random('network')
    this.network = new ShapedNetwork(
      {
        bytesPerMs,
        jitterMs: () => jitter.fraction() * jitterMsMax,
        tap: (tapped) => {
          dependencies.tap(tapped)
          if (tapped.when === 'arrived') this.#onArrived(tapped.to)
        },
      },
      this,
    )
    this.machines = options.peers.map(
      ({ zone, diskBytes }, place) =>
        new Machine(
          `peer${place + 1}`,
          zone,
          new SimulatedDisk(diskBytes, () => this.clock.nowMs()),
        ),
    )
  }

  get index(): Omit<IndexRun, 'process'> | undefined {
    return this.#index
  }

  get isMesh(): boolean {
    return this.#options.isMesh === true
  }

  get hasIndex(): boolean {
    return this.#options.hasIndex ?? !this.isMesh
  }

  /** The index and, in a mesh, those of the peers that run. */
  get indexes(): readonly RunningIndex[] {
    const own = this.machines.flatMap(({ run }) => run?.ownIndex ?? [])
    return this.#index === undefined ? own : [this.#index, ...own]
  }

  get settings(): IndexingServerSettings {
    return { ...indexSettings, ...this.#options.settings }
  }

  async startIndex(): Promise<void> {
    if (this.#index !== undefined || !this.hasIndex) return
    const process = this.#process('index', this.indexWall)
    const host = this.network.plugIn('index')
    const image = this.#indexImage
    let database: Database | undefined
    const server = await startIndexingServer(this.settings, {
      transport: host,
      clock: process.clock,
      random: this.#random(`index ${++this.#indexStarts}`),
      log: process.log,
      openDatabase: (_, options) => (database = databaseInMemory(options, image)),
    })
    assert(database !== undefined)
    this.#index = { process, host, server, database }
    this.events.add('index', 'started')
  }

  /** Ends the index like `kill -9`; its disk stays unless `isDiskLost`. */
  crashIndex({ isDiskLost = false } = {}): void {
    const run = this.#index
    if (run !== undefined) {
      this.#indexImage = run.database.serialize()
      run.process.end()
      run.host.unplug()
      this.#index = undefined
    }
    if (isDiskLost) {
      this.#indexImage = undefined
      this.indexLostAtMs = this.clock.elapsedMs
    }
    this.events.add('index', isDiskLost ? 'crashed, disk lost' : 'crashed')
  }

  async startPeer(machine: Machine): Promise<void> {
    if (machine.run !== undefined || machine.isGone) return
    const { peerId, zone, disk } = machine
    const process = this.#process(peerId, machine.wall)
    const host = this.network.plugIn(peerId)
    const random = this.#random(`${peerId} ${++machine.starts}`)
    const watcher = this.#watcherOf(machine)
    let ownIndex: RunningIndex | undefined
    const startOwnIndex: StartOwnIndex = async (_, { gate }) => {
      const index = await this.#ownIndex(machine, { process, host, gate })
      ownIndex = index
      const { server } = index
      return {
        transport: host,
        address: server.address,
        deadAfterMs: this.settings.deadAfterMs,
        usedBytes: () => server.usedBytes(),
        onGate: () => server.onGate(),
        [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
      }
    }
    const others = this.machines.filter((other) => other !== machine)
    const joins = this.isMesh ? others.map((other) => memberAddress(other)) : undefined
    const dependencies = { process, host, disk, random, watcher, startOwnIndex }
    const peer = await startClusterPeer(
      { peerId, zone, joins, hasIndex: this.hasIndex },
      dependencies,
    )
    if (!process.isAlive) return
    machine.run = { process, host, peer, ownIndex }
    this.events.add(peerId, 'started')
  }

  /** Ends a peer like `kill -9`. */
  crashPeer(machine: Machine, { isDiskLost = false } = {}): void {
    const { run, disk, peerId } = machine
    if (run !== undefined) {
      disk.image = run.peer.share.image
      const { database } = run.ownIndex ?? {}
      if (database?.open === true) disk.indexImage = database.serialize()
      run.process.end()
      run.host.unplug()
      machine.run = undefined
      machine.endedAtMs = this.clock.elapsedMs
    }
    if (isDiskLost) {
      machine.lostContents = new Set(disk.files.values().map(writtenIn))
      disk.wipe()
      machine.diskLostAtMs = this.clock.elapsedMs
    }
    this.events.add(peerId, isDiskLost ? 'crashed, disk lost' : 'crashed')
  }

  /** Ends all processes. */
  end(): void {
    this.#index?.process.end()
    for (const { run } of this.machines) run?.process.end()
  }

  /** Calls `then` some awaits after the next packet has reached a host. */
  onNextPacket(host: string, awaits: number, then: () => void): void {
    this.#onNextPacket.set(host, () => {
      afterAwaits(awaits).then(then, () => {})
    })
  }

  /** Starts the index of a peer in a mesh, with the database of its last run. */
  async #ownIndex(
    { peerId, disk }: Machine,
    parts: { process: SimulatedProcess; host: ShapedHost; gate: OwnIndexGate },
  ): Promise<RunningIndex> {
    const { process, host, gate } = parts
    let database: Database | undefined
    const server = await startIndexingServer(
      { ...this.settings, host: peerId, port: ownIndexPort },
      {
        transport: host,
        clock: process.clock,
        random: this.#random(`own index of ${peerId} ${++this.#indexStarts}`),
        log: process.log,
        gate,
        ownPeerId: peerId,
        openDatabase: (_, options) => {
          const opened = databaseInMemory(options, disk.indexImage)
          const close = opened.close.bind(opened)
          opened.close = () => {
            if (process.isAlive) disk.indexImage = opened.serialize()
            return close()
          }
          return (database = opened)
        },
      },
    )
    assert(database !== undefined)
    return { server, database }
  }

  #onArrived(host: string): void {
    const next = this.#onNextPacket.get(host)
    if (next === undefined) return
    this.#onNextPacket.delete(host)
    next()
  }

  #process(name: string, wall: WallClock): SimulatedProcess {
    return new SimulatedProcess({ name, wall }, this)
  }

  #random(of: string): Random {
    return seededRandom(`${this.#options.seed} ${of}`)
  }
}

async function afterAwaits(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) await Promise.resolve()
}
