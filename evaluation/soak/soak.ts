/**
 * Random use and faults on a cluster of real processes, which must keep its guarantees.
 *
 * Method: an index and four peers. Three workers run actions selected by a seed: push, edit,
 * rename, delete, download, kill -9, restart, move a folder away. Every minute everything is
 * brought back, the cluster becomes idle, and disks, index and lookups are compared with the
 * expected state. After every second checkpoint some files of one peer are edited and its disk is
 * then lost: some version of each of its files must survive. The seed does not control the timing
 * of the processes.
 */
import { systemClock } from '../../common/clock.ts'
import { seededRandom } from '../../common/random.ts'
import { checkpoint } from './checkpoint.ts'
import { DiskContents } from './disk-contents.ts'
import { ExpectedFiles } from './expected-files.ts'
import { act, edit, type SoakWorld } from './soak-actions.ts'
import { SoakCluster } from './soak-cluster.ts'
import { nextAction } from './soak-plan.ts'
import { SoakReport } from './soak-report.ts'

export interface SoakOptions {
  readonly seed: string
  readonly minutes: number
  /** Log file of all actions. */
  readonly reportPath: string
  readonly print: (line: string) => void
}

export interface SoakResult {
  readonly violations: readonly string[]
  readonly counts: ReadonlyMap<string, number>
  readonly peakBytes: ReadonlyMap<string, number>
}

const peers = 4
const workers = 3
const betweenCheckpointsMs = 45_000
/** Pause between two actions of a worker: half of this on average. */
const pauseMsMax = 600

/**
 * Runs until the time is over, or `signal` is aborted. @throws errors of the start or of a
 * checkpoint
 */
export async function soak(options: SoakOptions, signal: AbortSignal): Promise<SoakResult> {
  const { print, reportPath, seed } = options
  await using report = new SoakReport({ path: reportPath, print }, { clock: systemClock })
  await using cluster = await SoakCluster.start(peers)
  const files = new ExpectedFiles()
  const world: SoakWorld = { cluster, files, random: seededRandom(seed), report }
  const disks = new DiskContents()
  const endMs = systemClock.monotonicMs() + options.minutes * 60_000
  report.progress(`seed ${seed}: an index and ${peers} peers for ${options.minutes} minutes`)
  for (let round = 0; round === 0 || systemClock.monotonicMs() < endMs; round++) {
    if (round % 2 === 1) await loseDisk(world)
    const roundEndMs = Math.min(endMs, systemClock.monotonicMs() + betweenCheckpointsMs)
    await Promise.all(Array.from({ length: workers }, () => work(world, roundEndMs, signal)))
    signal.throwIfAborted()
    await checkpoint(world, disks)
  }
  return { violations: report.violations, counts: report.counts, peakBytes: cluster.peakBytes }
}

async function work(world: SoakWorld, endMs: number, signal: AbortSignal): Promise<void> {
  while (systemClock.monotonicMs() < endMs) {
    await act(nextAction(world.random), world)
    await systemClock.sleep(world.random.fraction() * pauseMsMax, signal)
  }
}

async function loseDisk(world: SoakWorld): Promise<void> {
  const { cluster, files, random, report } = world
  const victim = cluster.peers[Math.floor(random.fraction() * cluster.peers.length)]
  if (victim === undefined) return
  for (let edits = 0; edits < 3; edits++) {
    const file = files.pick(random, victim.name)
    if (file !== undefined) await edit(file, world)
  }
  // Some of the edits were announced by then, some were not.
  await systemClock.sleep(random.fraction() * 3_000)
  report.note('lose-disk', `${victim.name}, ${files.of(victim.name).length} files`)
  files.orphan(victim.name)
  await cluster.loseDisk(victim)
}
