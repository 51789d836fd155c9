/**
 * The processes of a soak, and the faults injected into them. Whatever is taken away returns after
 * a while, or with `bringAllBack`.
 */
import assert from 'node:assert/strict'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { systemErrorCode } from '../../common/errors.ts'
import { peakMemoryOf } from '../benchmarks/peak-memory.ts'
import { type Cluster, startCluster } from '../system/cluster-fixture.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import { soakSettings } from './soak-settings.ts'

export class SoakCluster implements AsyncDisposable {
  readonly #cluster: Cluster
  /** Peers that still have their disk. */
  readonly #peers = new Set<TandemProcess>()
  readonly #absences = new Map<TandemProcess, () => Promise<void>>()
  /** Peak memory of each process over all its lives, in bytes. */
  readonly peakBytes = new Map<string, number>()
  #started: number

  private constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.#started = cluster.peers.length
    for (const peer of cluster.peers) this.#peers.add(peer)
  }

  static async start(peers: number): Promise<SoakCluster> {
    return new SoakCluster(await startCluster({ peers, settings: soakSettings }))
  }

  get index(): TandemProcess {
    return this.#cluster.index
  }

  get logFolder(): string {
    return join(this.#cluster.folder, 'logs')
  }

  /** Peers with a disk, running or not. */
  get peers(): readonly TandemProcess[] {
    return [...this.#peers]
  }

  get running(): readonly TandemProcess[] {
    return this.peers.filter((peer) => peer.isRunning)
  }

  /** Whether the process or its folder is currently away. */
  isAway(process: TandemProcess): boolean {
    return this.#absences.has(process)
  }

  peerNamed(name: string): TandemProcess {
    const found = this.peers.find((peer) => peer.name === name)
    assert(found !== undefined, `there is no ${name}`)
    return found
  }

  sharedFolder(owner: string): string {
    return join(this.peerNamed(owner).dataFolder, 'shared')
  }

  /** Ends a process, and restarts it after `absenceMs`. */
  async takeDown(
    process: TandemProcess,
    signal: 'SIGKILL' | 'SIGTERM',
    absenceMs: number,
  ): Promise<void> {
    // First, so that nothing else happens to it meanwhile.
    this.#beginAbsence(process, absenceMs, () => process.start())
    await this.recordMemory()
    await process.kill(signal)
  }

  /** Moves a peer's shared/ away, and back after `absenceMs`. */
  async takeFolderAway(peer: TandemProcess, absenceMs: number): Promise<void> {
    const folder = join(peer.dataFolder, 'shared')
    const away = `${peer.dataFolder}.away`
    this.#beginAbsence(peer, absenceMs, async () => {
      const meanwhile = `${peer.dataFolder}.meanwhile`
      const wasMade = await moveIfThere(folder, meanwhile)
      await rename(away, folder)
      if (wasMade) await moveFiles(meanwhile, folder)
    })
    await rename(folder, away)
  }

  /** Kills a peer, removes all its data, and starts a new one in its place. */
  async loseDisk(peer: TandemProcess): Promise<void> {
    await this.recordMemory()
    this.#peers.delete(peer)
    await peer.kill('SIGKILL')
    await rm(peer.dataFolder, { recursive: true, force: true })
    this.#peers.add(await this.#cluster.startPeer(`peer${++this.#started}`))
  }

  async bringAllBack(): Promise<void> {
    // Concurrently: a peer may be waiting for the index.
    await Promise.all(Array.from(this.#absences.values(), (comeBack) => comeBack()))
  }

  /** Records the peak memory of all running processes, which is lost when they end. */
  async recordMemory(): Promise<void> {
    for (const { name, pid } of [this.index, ...this.peers]) {
      if (pid === undefined) continue
      const bytes = await peakMemoryOf(pid).catch(() => 0)
      this.peakBytes.set(name, Math.max(bytes, this.peakBytes.get(name) ?? 0))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bringAllBack()
    await this.#cluster[Symbol.asyncDispose]()
  }

  #beginAbsence(process: TandemProcess, absenceMs: number, back: () => Promise<void>): void {
    let coming: Promise<void> | undefined
    const comeBack = (): Promise<void> => {
      cancel()
      coming ??= back().finally(() => this.#absences.delete(process))
      return coming
    }
    const cancel = systemClock.after(absenceMs, () => {
      // `bringAllBack` awaits the same promise and reports its failure.
      comeBack().catch(() => {})
    })
    this.#absences.set(process, comeBack)
  }
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to)
    return true
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false
    throw error
  }
}

/** Moves every file below one folder to the same name below another, and removes the rest. */
async function moveFiles(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const target = join(to, path.slice(from.length))
    await mkdir(dirname(target), { recursive: true })
    await rename(path, target)
  }
  await rm(from, { recursive: true })
}
