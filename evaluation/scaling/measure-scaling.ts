import { systemClock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import {
  apiOf,
  type Cluster,
  type ClusterSettings,
  startCluster,
} from '../system/cluster-fixture.ts'
import { type Corpus, interleaved, writeCorpus } from './corpus.ts'
import { thisMachine, thisVersion } from './machine.ts'
import { filesNeeded, meanings, type ScalingPlan } from './plan.ts'
import type { Load, ScalingResult, Workload } from './result.ts'
import { efficiencyOf } from './statistics.ts'
import { measureStep, type StepContext } from './step.ts'

const peers = 3
/** Carried out first and not measured, so that no step pays for code that is still cold. */
const warmUp: ScalingPlan = { scaling: 'strong', concurrency: [4], lookups: 4_000, kb: 300, mb: 16 }
const announcedWithinMs = 60_000
const lookEveryMs = 100

export interface MeasureOptions {
  /** The peer whose HTTP API the clients use; the others share the files. */
  readonly peerId: string
  /** What the processes' config file holds. */
  readonly settings: ClusterSettings
  /** Told a line for each thing that was measured. */
  readonly onProgress: (line: string) => void
}

/**
 * Carries out `plans`, one after another, in a cluster of three peers that it starts and stops.
 * Nothing is replicated meanwhile, so that every download crosses the network and nothing else does.
 * @throws AppError HASH_MISMATCH when a downloaded file is not its original
 */
export async function measureScaling(
  plans: readonly ScalingPlan[],
  { peerId, settings, onProgress }: MeasureOptions,
): Promise<ScalingResult[]> {
  const all = [warmUp, ...plans]
  const share = (kind: 'kb' | 'mb'): number => Math.ceil(filesNeeded(all, kind) / (peers - 1))
  const generate = { kb: share('kb'), mb: share('mb'), seed: 'scaling' }
  const corpora: Corpus[] = []
  onProgress(`starting an index and ${peers} peers with ${generate.kb + generate.mb} files each`)
  await using cluster = await startCluster({
    peers,
    factor: 1,
    settings,
    prepare: async (id, folder) => {
      if (id !== peerId) corpora.push(await writeCorpus(folder, { peerId: id, ...generate }))
    },
  })
  const peer = cluster.peers.find(({ name }) => name === peerId)
  if (peer === undefined) throw new AppError('PEER_ID_INVALID', { peerId })
  await allAnnounced(cluster, corpora)
  const files = {
    kb: interleaved(corpora.map(({ kb }) => kb)),
    mb: interleaved(corpora.map(({ mb }) => mb)),
  }
  const results: ScalingResult[] = []
  for (const plan of all) results.push(await carryOut(plan, { peer, files, onProgress }))
  return results.slice(1)
}

/** Resolves when the index knows every file. */
async function allAnnounced(cluster: Cluster, corpora: readonly Corpus[]): Promise<void> {
  const expected = corpora.reduce((sum, { kb, mb }) => sum + kb.length + mb.length, 0)
  const [first] = cluster.peers
  if (first === undefined) return
  using api = apiOf(first)
  const endMs = systemClock.monotonicMs() + announcedWithinMs
  while ((await api.status()).contents < expected) {
    if (systemClock.monotonicMs() > endMs)
      throw new AppError('DEADLINE_EXCEEDED', {
        what: `Announcing ${expected} files`,
        deadlineMs: announcedWithinMs,
      })
    await systemClock.sleep(lookEveryMs)
  }
}

async function carryOut(plan: ScalingPlan, context: StepContext): Promise<ScalingResult> {
  const { scaling, ...work } = plan
  const startedAt = new Date(systemClock.nowMs()).toISOString()
  const startedMs = systemClock.monotonicMs()
  const steps: Awaited<ReturnType<typeof measureStep>>[] = []
  for (const clients of plan.concurrency) steps.push(await measureStep(plan, clients, context))
  return {
    scaling,
    meaning: meanings[scaling],
    startedAt,
    seconds: (systemClock.monotonicMs() - startedMs) / 1_000,
    version: thisVersion(),
    machine: thisMachine(),
    parameters: {
      peer: context.peer.name,
      peers,
      replicationFactor: 1,
      ...work,
      concurrency: [...plan.concurrency],
    },
    filesChecked: steps.reduce((sum, { filesChecked }) => sum + filesChecked, 0),
    workloads: [
      workload(
        'lookups',
        steps.map(({ lookups }) => lookups),
      ),
      workload(
        'downloads of 1 KiB',
        steps.map(({ kb }) => kb),
      ),
      workload(
        'downloads of 1 MiB',
        steps.map(({ mb }) => mb),
      ),
    ],
  }
}

/** The first step is what the others are compared with. */
function workload(name: Workload['name'], loads: readonly Load[]): Workload {
  const throughput = ({ clients, operationsPerSecond: perSecond }: Load) => ({ clients, perSecond })
  const steps = loads.map((load) => ({
    ...load,
    efficiency: efficiencyOf(throughput(load), throughput(loads[0] ?? load)),
  }))
  return { name, steps }
}
