/** The processes of chaos: an index and six peers in three zones, each on its own host if possible. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PeerApi } from '../../peer/api/calls.ts'
import { type LabHost, startNetworkLab, whyNoNetworkLab } from '../benchmarks/network-lab.ts'
import { soakSettings } from '../soak/soak-settings.ts'
import { apiOf, type Cluster, startCluster } from '../system/cluster-fixture.ts'
import { readMetric } from '../system/read-metric.ts'
import { runTandem } from '../system/run-tandem.ts'
import { mountSmallDisk } from '../system/small-disk.ts'
import type { TandemProcess } from '../system/tandem-process.ts'

export const { deadAfterMs } = soakSettings.index
export const factor = 2
const peersAtStart = 6
const zones = 3
/** Peers that may take the place of wiped ones. */
const replacementsMax = 8
/** Has room for all files, twice, and is filled in a moment. */
const smallDiskBytes = 1_000_000_000

export interface ChaosPeer {
  readonly process: TandemProcess
  readonly zone: string
  readonly host: LabHost | undefined
}

/** Fills a peer's shared/ before it starts. */
type Prepare = (peerId: string, sharedFolder: string) => Promise<void>

export class ChaosCluster implements AsyncDisposable {
  readonly #cluster: Cluster
  readonly #stack: AsyncDisposableStack
  readonly #hosts: LabHost[]
  readonly #peers = new Set<ChaosPeer>()
  /** Received bytes of earlier lives, by process. */
  readonly #receivedBefore = new Map<TandemProcess, number>()
  #started = 0
  /** The peer whose disk is small enough to be filled; undefined if no disk could be mounted. */
  onSmallDisk: ChaosPeer | undefined
  /** Why links cannot be cut; undefined if they can. */
  readonly whyNoNetwork: string | undefined
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal

  private constructor(
    cluster: Cluster,
    stack: AsyncDisposableStack,
    hosts: LabHost[],
    { whyNoNetwork, signal }: Pick<ChaosCluster, 'whyNoNetwork' | 'signal'>,
  ) {
    this.#cluster = cluster
    this.#stack = stack
    this.#hosts = hosts
    this.whyNoNetwork = whyNoNetwork
    this.signal = signal
  }

  static async start(prepare: Prepare, signal: AbortSignal): Promise<ChaosCluster> {
    await using starting = new AsyncDisposableStack()
    const whyNoNetwork = await whyNoNetworkLab()
    const hosts =
      whyNoNetwork === undefined
        ? starting.use(await startNetworkLab({ hosts: 1 + peersAtStart + replacementsMax })).hosts
        : undefined
    const disk = await mountSmallDisk(smallDiskBytes)
    if (disk !== undefined) starting.use(disk)
    const settings = {
      ...soakSettings,
      index: { ...soakSettings.index, replicationFactor: factor },
    }
    const options = { peers: 0, settings, prepare, signal, ...(hosts !== undefined && { hosts }) }
    const started = starting.use(await startCluster(options))
    // The stack is moved: the cluster owns it from here on.
    const stack = starting.move()
    const cluster = new ChaosCluster(started, stack, [...(hosts ?? [])].slice(1), {
      whyNoNetwork,
      signal,
    })
    try {
      for (let number = 1; number < peersAtStart; number++) await cluster.#startPeer()
      const last = await cluster.#startPeer(disk && join(disk.path, 'data'))
      if (disk !== undefined) cluster.onSmallDisk = last
      return cluster
    } catch (error) {
      await stack.disposeAsync()
      throw error
    }
  }

  get index(): TandemProcess {
    return this.#cluster.index
  }

  /** Peers that still have their disk, running or not. */
  get peers(): readonly ChaosPeer[] {
    return [...this.#peers]
  }

  /** A peer that answers. */
  get asker(): TandemProcess {
    const found = this.peers.find(({ process }) => process.isRunning && !this.isHeld(process))
    assert(found !== undefined, 'no peer runs')
    return found.process
  }

  /** Peers that are stopped or cut off now. */
  readonly held = new Set<TandemProcess>()

  isHeld(process: TandemProcess): boolean {
    return this.held.has(process)
  }

  async ask<T>(question: (api: PeerApi) => Promise<T>): Promise<T> {
    using api = apiOf(this.asker)
    return await question(api)
  }

  /** Kills a peer, removes all its data, and starts a new one in its zone. */
  async wipe(peer: ChaosPeer): Promise<void> {
    await this.kill(peer.process)
    this.#peers.delete(peer)
    if (this.onSmallDisk === peer) this.onSmallDisk = undefined
    await rm(peer.process.dataFolder, { recursive: true, force: true })
    await this.#startPeer(undefined, peer.zone)
  }

  /** Kills a peer, removes all its data, and starts it again with its own id. */
  async replaceDisk({ process }: ChaosPeer): Promise<void> {
    await this.kill(process)
    await rm(process.dataFolder, { recursive: true, force: true })
    const words = ['index', 'release', process.name, '--data', this.index.dataFolder]
    const { code, stderr } = await runTandem(words)
    assert.equal(code, 0, stderr)
    await process.start()
  }

  async kill(process: TandemProcess): Promise<void> {
    await this.#rememberReceived(process)
    await process.kill('SIGKILL')
  }

  /** Bytes that all peers have received for replication, over all their lives. */
  async receivedBytes(): Promise<number> {
    let sum = [...this.#receivedBefore.values()].reduce((all, bytes) => all + bytes, 0)
    for (const { process } of this.peers) if (process.isRunning) sum += await received(process)
    return sum
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #rememberReceived(process: TandemProcess): Promise<void> {
    const before = this.#receivedBefore.get(process) ?? 0
    this.#receivedBefore.set(process, before + (await received(process)))
  }

  async #startPeer(
    dataFolder?: string,
    zone = `zone${(this.#started % zones) + 1}`,
  ): Promise<ChaosPeer> {
    this.#started++
    const host = this.#hosts.shift()
    const process = await this.#cluster.startPeer(`peer${this.#started}`, {
      flags: ['--zone', zone],
      ...(dataFolder !== undefined && { dataFolder }),
    })
    const peer = { process, zone, host }
    this.#peers.add(peer)
    return peer
  }
}

async function received(process: TandemProcess): Promise<number> {
  if (process.name === 'index') return 0
  return await readMetric(process, 'tandem_peer_received_bytes_total{purpose="replication"}')
}
