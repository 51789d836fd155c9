/** What each fault does to the processes, and how it ends. */
import assert from 'node:assert/strict'
import { open, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import { fillDisk } from '../system/fill-disk.ts'
import type { ChaosCluster, ChaosPeer } from './chaos-cluster.ts'
import { deadAfterMs } from './chaos-cluster.ts'
import type { ChaosFile, ChaosFiles } from './chaos-files.ts'
import type { FaultName } from './chaos-plan.ts'

/** Long enough to be noticed as suspect, short enough not to be dead. */
const blipMs = deadAfterMs / 2
const indexAwayMs = 2_000
/** Replicas whose bits flip. */
const flippedMax = 5
/** Files pushed while a disk is full. */
const pushedMax = 20

export interface FaultWorld {
  readonly cluster: ChaosCluster
  readonly files: ChaosFiles
}

export interface Fault {
  /** Whether a peer's absence is so short that nothing may be copied. */
  readonly isBlip?: true
  /** Whether peers other than the victim lose nothing: copies are not expected. */
  readonly isWithoutLoss?: true
  /** What it cannot be injected without. */
  readonly needs?: 'network' | 'small disk'
  /**
   * Strikes a peer; resolves when that is done.
   * @returns ends the fault: what was taken away returns
   */
  readonly strike: (victim: ChaosPeer, world: FaultWorld) => Promise<() => Promise<void>>
}

const nothing = async (): Promise<void> => {}

export const faults: Readonly<Record<FaultName, Fault>> = {
  'blip-peer': {
    isBlip: true,
    async strike({ process }, { cluster }) {
      await cluster.kill(process)
      await systemClock.sleep(blipMs)
      return () => process.start()
    },
  },
  'kill-peer': {
    async strike({ process }, { cluster }) {
      await cluster.kill(process)
      return () => process.start()
    },
  },
  'kill-index': {
    isWithoutLoss: true,
    async strike(_, { cluster: { index } }) {
      await index.kill('SIGKILL')
      await systemClock.sleep(indexAwayMs)
      await index.start()
      return nothing
    },
  },
  'blip-link': {
    isBlip: true,
    needs: 'network',
    async strike(victim, world) {
      const heal = await cut(victim, world)
      await systemClock.sleep(blipMs)
      return heal
    },
  },
  'cut-link': { needs: 'network', strike: cut },
  'pause-peer': { strike: pause },
  'fill-disk': { isWithoutLoss: true, needs: 'small disk', strike: fill },
  'flip-bits': { isWithoutLoss: true, strike: flip },
  'wipe-disk': {
    async strike(victim, { cluster }) {
      await cluster.wipe(victim)
      return nothing
    },
  },
}

async function cut(
  { host, process }: ChaosPeer,
  { cluster }: FaultWorld,
): Promise<() => Promise<void>> {
  assert(host !== undefined)
  cluster.held.add(process)
  await host.cut()
  return async () => {
    await host.heal()
    cluster.held.delete(process)
  }
}

async function pause(
  { process: peer }: ChaosPeer,
  { cluster }: Pick<FaultWorld, 'cluster'>,
): Promise<() => Promise<void>> {
  const { pid } = peer
  assert(pid !== undefined)
  cluster.held.add(peer)
  process.kill(pid, 'SIGSTOP')
  return async () => {
    process.kill(pid, 'SIGCONT')
    cluster.held.delete(peer)
  }
}

/** Fills the victim's disk, and has other peers push files, each acknowledged with its copies. */
async function fill(
  { process: victim }: ChaosPeer,
  { cluster, files }: FaultWorld,
): Promise<() => Promise<void>> {
  const filler = await fillDisk(join(victim.dataFolder, '..'))
  const owners = cluster.peers.filter(({ process }) => process !== victim)
  for (let pushed = 0; pushed < pushedMax; pushed++) {
    const owner = owners[pushed % owners.length]?.process
    assert(owner !== undefined)
    await files.push(owner, 100_000)
  }
  return () => rm(filler)
}

/**
 * Flips a bit of some replicas on the victim's disk, whose owner is paused while another peer
 * downloads them: it can only ask the victim, and accuses it.
 */
async function flip(wanted: ChaosPeer, world: FaultWorld): Promise<() => Promise<void>> {
  const { cluster } = world
  const { victim, chosen } = await peerWithReplicas(wanted, world)
  const owner = cluster.peers.find(({ process }) => process.name === chosen[0]?.owner)
  const reader = cluster.peers.find((peer) => peer !== victim && peer !== owner)
  assert(owner !== undefined && reader !== undefined)
  for (const file of chosen) await flipBit(replicaPath(victim, file))
  const resume = await pause(owner, world)
  try {
    using api = apiOf(reader.process)
    for (const { name } of chosen) {
      const started = await api.startDownload({ name, wait: true })
      await api.download({ id: started.id, waitMs: 300 })
    }
  } finally {
    await resume()
  }
  return nothing
}

/** The wanted victim, or another one if it has no replicas, as on a small disk. */
async function peerWithReplicas(
  wanted: ChaosPeer,
  world: FaultWorld,
): Promise<{ victim: ChaosPeer; chosen: ChaosFile[] }> {
  for (const victim of new Set([wanted, ...world.cluster.peers])) {
    const chosen = await replicasOfOneOwner(victim, world)
    if (chosen.length > 0) return { victim, chosen }
  }
  throw new Error('no peer has replicas')
}

async function replicasOfOneOwner(
  victim: ChaosPeer,
  { files, cluster }: FaultWorld,
): Promise<ChaosFile[]> {
  for (const { process } of cluster.peers) {
    const found: ChaosFile[] = []
    for (const file of files.all) {
      if (file.owner !== process.name || found.length === flippedMax) continue
      const isThere = await stat(replicaPath(victim, file)).then(
        () => true,
        () => false,
      )
      if (isThere) found.push(file)
    }
    if (found.length > 0) return found
  }
  return []
}

function replicaPath({ process }: ChaosPeer, { owner, name }: ChaosFile): string {
  return join(process.dataFolder, 'replicated', owner, name)
}

/** Like a disk: size and modification time stay. */
async function flipBit(path: string): Promise<void> {
  const { size, atime, mtime } = await stat(path)
  await using file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  const place = Math.floor(size / 2)
  await file.read(byte, 0, 1, place)
  byte.writeUInt8(byte.readUInt8() ^ 1)
  await file.write(byte, 0, 1, place)
  await utimes(path, atime, mtime)
}
