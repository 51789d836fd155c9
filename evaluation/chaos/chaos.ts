/**
 * Real faults on a cluster of real processes, which must keep its guarantees.
 *
 * Method: an index and six peers in three zones share files of mixed sizes, which have their copies
 * before the first fault. Each fault, or two at the same time, strikes victims that the seed
 * selects. While they are away, everything else must get its copies again; a blip must copy
 * nothing. Then they return, and the cluster must come to rest with exactly its copies: disks,
 * bytes and index are compared with what was acknowledged. The seed does not control the timing of
 * the processes.
 */
import { reasonOf } from '../../common/errors.ts'
import { type Random, seededRandom, shuffled } from '../../common/random.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { violationsOf } from './chaos-check.ts'
import { ChaosCluster, type ChaosPeer } from './chaos-cluster.ts'
import { ChaosFiles } from './chaos-files.ts'
import { type FaultName, faultNames, planChaos, type Strike } from './chaos-plan.ts'
import { type Healing, untilAtRest, untilHealed } from './chaos-watch.ts'
import { faults } from './faults.ts'

export interface ChaosOptions {
  readonly seed: string
  readonly files: number
  readonly isShort: boolean
  /** Instead of a plan by the seed. */
  readonly strikes?: readonly Strike[] | undefined
  readonly print: (line: string) => void
  readonly onStrike: (result: StrikeResult) => void
}

/** What one strike did. */
export interface StrikeResult {
  readonly faults: Strike
  readonly victims: readonly string[]
  /** From the strike until the index noticed that copies are missing; undefined if it did not. */
  readonly detectedMs: number | undefined
  /** From then until nothing was missing; undefined if nothing was. */
  readonly healedMs: number | undefined
  /** From the end of the fault until the cluster was at rest with exactly its copies. */
  readonly restMs: number
  /** Received by all peers for replication. */
  readonly copiedBytes: number
  readonly violations: readonly string[]
}

export interface ChaosResult {
  readonly files: number
  readonly bytes: number
  /** Faults that could not be injected here, with the reason. */
  readonly skipped: Readonly<Partial<Record<FaultName, string>>>
  readonly strikes: readonly StrikeResult[]
}

/** @throws errors of the start, and the signal's reason */
export async function chaos(options: ChaosOptions, signal: AbortSignal): Promise<ChaosResult> {
  const { seed, print, files: count, isShort } = options
  const random = seededRandom(seed)
  const files = new ChaosFiles(seed, random)
  await using cluster = await ChaosCluster.start(async (peerId, folder) => {
    // Those that take the place of wiped peers have none.
    if (files.all.length < count) await files.make(peerId, folder, Math.ceil(count / 6))
  }, signal)
  const skipped = skippedFaults(cluster)
  for (const [fault, why] of Object.entries(skipped)) print(`without ${fault}: ${why}`)
  await untilAtRest(cluster, cluster.peers.length)
  print(`seed ${seed}: ${files.all.length} files, ${Math.round(files.bytes / 1e6)} MB, at rest`)
  const plan =
    options.strikes ?? planChaos({ isShort }, new Set(Object.keys(skipped) as FaultName[]), random)
  const disks = new DiskContents()
  const strikes: StrikeResult[] = []
  for (const strike of plan) {
    signal.throwIfAborted()
    const result = await inject(strike, { cluster, files, disks, random })
    signal.throwIfAborted()
    strikes.push(result)
    options.onStrike(result)
  }
  return { files: files.all.length, bytes: files.bytes, skipped, strikes }
}

function skippedFaults(cluster: ChaosCluster): Partial<Record<FaultName, string>> {
  const reasons = {
    network: cluster.whyNoNetwork,
    'small disk': cluster.onSmallDisk === undefined ? 'no small disk can be mounted' : undefined,
  }
  const skipped = faultNames.flatMap((name) => {
    const { needs } = faults[name]
    const reason = needs === undefined ? undefined : reasons[needs]
    return reason === undefined ? [] : [[name, reason] as const]
  })
  return Object.fromEntries(skipped)
}

interface ChaosWorld {
  readonly cluster: ChaosCluster
  readonly files: ChaosFiles
  readonly disks: DiskContents
  readonly random: Random
}

async function inject(strike: Strike, world: ChaosWorld): Promise<StrikeResult> {
  const { cluster, files, disks, random } = world
  const victims = victimsOf(strike, cluster, random)
  const before = await cluster.receivedBytes()
  const violations: string[] = []
  let healing: Healing | undefined
  let restMs = 0
  let copiedBytes = 0
  try {
    const ends = await Promise.all(
      strike.map((fault, place) => faults[fault].strike(at(victims, place), world)),
    )
    const isLong = strike.some((fault) => faults[fault].isBlip !== true)
    const isLoss = strike.some((fault) => faults[fault].isWithoutLoss !== true)
    if (isLong && isLoss) healing = await untilHealed(cluster, liveNow(cluster))
    await Promise.all(ends.map((end) => end()))
    restMs = await untilAtRest(cluster, cluster.peers.length)
    copiedBytes = (await cluster.receivedBytes()) - before
    if (!isLong && copiedBytes > 0)
      violations.push(`${copiedBytes} bytes were copied because of a blip`)
    violations.push(...(await violationsOf(cluster, files, disks)))
  } catch (error) {
    violations.push(reasonOf(error))
  }
  const wasLacking = healing?.detectedMs !== undefined
  return {
    faults: strike,
    victims: victims.map(({ process }) => process.name),
    detectedMs: healing?.detectedMs,
    healedMs: wasLacking ? healing?.healedMs : undefined,
    restMs,
    copiedBytes,
    violations,
  }
}

/** Different peers, one for each fault. */
function victimsOf(strike: Strike, cluster: ChaosCluster, random: Random): ChaosPeer[] {
  const { onSmallDisk } = cluster
  if (strike.includes('fill-disk') && onSmallDisk !== undefined) return [onSmallDisk]
  // The full disk stays available for the fault that needs it.
  const candidates = cluster.peers.filter((peer) => peer !== onSmallDisk)
  return shuffled(candidates, random).slice(0, strike.length)
}

function at<T>(items: readonly T[], place: number): T {
  const item = items[place]
  if (item === undefined) throw new RangeError('there are fewer victims than faults')
  return item
}

function liveNow({ peers, held }: ChaosCluster): number {
  return peers.filter(({ process }) => process.isRunning && !held.has(process)).length
}
