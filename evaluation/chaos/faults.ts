/** What each fault does to the processes, and how it ends. */
import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { fillDisk } from '../system/fill-disk.ts'
import type { ChaosCluster, ChaosPeer } from './chaos-cluster.ts'
import { deadAfterMs } from './chaos-cluster.ts'
import type { ChaosFiles } from './chaos-files.ts'
import type { FaultName } from './chaos-plan.ts'
import { flipAndScrub } from './flip-bits.ts'

/** Long enough to be noticed as suspect, short enough not to be dead. */
const blipMs = deadAfterMs / 2
const indexAwayMs = 2_000
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
  'flip-bits': {
    isWithoutLoss: true,
    async strike(victim, world) {
      await flipAndScrub(victim, world)
      return nothing
    },
  },
  'wipe-disk': {
    async strike(victim, { cluster }) {
      await cluster.wipe(victim)
      return nothing
    },
  },
  'replace-disk': {
    async strike(victim, { cluster }) {
      await cluster.replaceDisk(victim)
      // When all have their copies again, the empty disk has its share.
      return () => checkReplicas(victim)
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

async function checkReplicas({ process }: ChaosPeer): Promise<void> {
  const names = await readdir(join(process.dataFolder, 'replicated'), { recursive: true })
  assert(names.length > 0, `${process.name} was given no replicas on its new disk`)
}
