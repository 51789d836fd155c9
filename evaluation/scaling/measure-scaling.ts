import assert from 'node:assert/strict'
import { systemClock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { type ClusterSettings, startCluster } from '../system/cluster-fixture.ts'
import { copiesKnown } from '../system/copies-known.ts'
import { type Corpus, interleaved, writeCorpus } from './corpus.ts'
import { thisMachine, thisVersion } from './machine.ts'
import { filesNeeded, meanings, type ScalingPlan } from './plan.ts'
import type { Load, ScalingResult, Workload } from './result.ts'
import { efficiencyOf } from './statistics.ts'
import { measureStep, type StepContext, type StepLoads } from './step.ts'

const peerIds = ['peer1', 'peer2', 'peer3'] as const
/** Runs first and is not measured, so that no step runs cold code. */
const warmUp: ScalingPlan = { scaling: 'strong', concurrency: [4], lookups: 4_000, kb: 300, mb: 16 }

export interface MeasureOptions {
  /** The peer whose HTTP API the clients use; the others share the files. */
  readonly peerId: string
  /** Contents of the processes' config file. */
  readonly settings: ClusterSettings
  /** Called with a line per measurement. */
  readonly onProgress: (line: string) => void
}

/**
 * Runs `plans`, one after another, in a cluster of three peers that it starts and stops. Nothing is
 * replicated meanwhile, so that every download crosses the network and nothing else does.
 * @throws AppError HASH_MISMATCH if a downloaded file differs from its original, SETTING_INVALID if
 * `peerId` is none of the three
 */
export async function measureScaling(
  plans: readonly ScalingPlan[],
  { peerId, settings, onProgress }: MeasureOptions,
): Promise<ScalingResult[]> {
  const sharing = peerIds.filter((id) => id !== peerId)
  if (sharing.length === peerIds.length) {
    const details = { origin: '--peer', path: peerId, reason: `is none of ${peerIds.join(', ')}` }
    throw new AppError('SETTING_INVALID', details)
  }
  const all = [warmUp, ...plans]
  const share = (kind: 'kb' | 'mb'): number => Math.ceil(filesNeeded(all, kind) / sharing.length)
  const generate = { kb: share('kb'), mb: share('mb'), seed: 'scaling' }
  onProgress(
    `starting an index and ${peerIds.length} peers; ${sharing.join(' and ')} share ${generate.kb + generate.mb} files each`,
  )
  const corpora: Corpus[] = []
  await using cluster = await startCluster({
    peers: peerIds.length,
    factor: 1,
    settings,
    prepare: async (id, folder) => {
      if (id !== peerId) corpora.push(await writeCorpus(folder, { peerId: id, ...generate }))
    },
  })
  const files = {
    kb: interleaved(corpora.map(({ kb }) => kb)),
    mb: interleaved(corpora.map(({ mb }) => mb)),
  }
  const peer = cluster.peers.find(({ name }) => name === peerId)
  assert(peer !== undefined)
  for (const each of cluster.peers)
    if (each !== peer) await copiesKnown(each, generate.kb + generate.mb)
  const context = { peer, known: [...files.kb], files, onProgress }
  onProgress('warming up')
  await carryOut(warmUp, { ...context, onProgress: () => undefined })
  const results: ScalingResult[] = []
  for (const plan of plans) results.push(await carryOut(plan, context))
  return results
}

async function carryOut(plan: ScalingPlan, context: StepContext): Promise<ScalingResult> {
  const { scaling, ...work } = plan
  const startedAt = new Date(systemClock.nowMs()).toISOString()
  const startedMs = systemClock.monotonicMs()
  const steps: StepLoads[] = []
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
      peers: peerIds.length,
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

/** The first step is the reference for the others. */
function workload(name: Workload['name'], loads: readonly Load[]): Workload {
  const throughput = ({ clients, operationsPerSecond: perSecond }: Load) => ({ clients, perSecond })
  const steps = loads.map((load) => ({
    ...load,
    efficiency: efficiencyOf(throughput(load), throughput(loads[0] ?? load)),
  }))
  return { name, steps }
}
