/** Flips bits of replicas on a peer's disk, and has the peer read its copies again as a user would. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { damageFile } from '../../common/testing/damage-file.ts'
import { apiOf } from '../system/cluster-fixture.ts'
import { runTandem } from '../system/run-tandem.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { ChaosCluster, ChaosPeer } from './chaos-cluster.ts'
import type { ChaosFile, ChaosFiles } from './chaos-files.ts'

/** Replicas whose bits flip. */
const flippedMax = 5
/** Far more than reading all copies once takes. */
const passDeadlineMs = 120_000
const lookEveryMs = 200

interface World {
  readonly cluster: ChaosCluster
  readonly files: ChaosFiles
}

/** @throws Error if `tandem scrub --now` fails, or ends without finding each damaged replica */
export async function flipAndScrub(wanted: ChaosPeer, world: World): Promise<void> {
  const { process, flipped } = await peerWithReplicas(wanted, world)
  for (const file of flipped) await damageFile(replicaPath(process, file), file.size >> 1)
  const startedMs = systemClock.nowMs()
  const { code, stderr } = await runTandem(['scrub', '--now', '--api', process.apiUrl.href])
  if (code !== 0) throw new Error(`\`tandem scrub --now\` failed at ${process.name}: ${stderr}`)
  const found = await damagedFoundSince(process, startedMs, world.cluster.signal)
  // One that the peer has noticed before is no longer there, or is good again.
  const left = await Promise.all(flipped.map((file) => isStillDamaged(process, file)))
  const expected = left.filter(Boolean).length
  if (found < expected)
    throw new Error(`scrubbing found ${found} of ${expected} damaged replicas at ${process.name}`)
}

/** @returns how many damaged copies the pass found that began at `startedMs` */
async function damagedFoundSince(
  peer: TandemProcess,
  startedMs: number,
  signal: AbortSignal,
): Promise<number> {
  using api = apiOf(peer)
  const endMs = systemClock.monotonicMs() + passDeadlineMs
  while (systemClock.monotonicMs() < endMs) {
    const { last } = await api.scrub(signal)
    if (last !== undefined && last.startedMs >= Math.floor(startedMs)) return last.bad
    await systemClock.sleep(lookEveryMs, signal)
  }
  throw new Error(`${peer.name} did not read its copies within ${passDeadlineMs / 1_000} s`)
}

async function isStillDamaged(peer: TandemProcess, file: ChaosFile): Promise<boolean> {
  const bytes = await readFile(replicaPath(peer, file)).catch(() => undefined)
  return bytes !== undefined && createHash('sha256').update(bytes).digest('hex') !== file.sha256
}

/** The wanted victim, or another one if it has no replicas, as on a small disk. */
async function peerWithReplicas(
  { process: wanted }: ChaosPeer,
  { cluster, files }: World,
): Promise<{ process: TandemProcess; flipped: readonly ChaosFile[] }> {
  for (const process of new Set([wanted, ...cluster.peers.map((peer) => peer.process)])) {
    const flipped: ChaosFile[] = []
    for (const file of files.all) {
      if (flipped.length === flippedMax) break
      const found = await stat(replicaPath(process, file)).catch(() => undefined)
      if (found !== undefined) flipped.push(file)
    }
    if (flipped.length > 0) return { process, flipped }
  }
  throw new Error('no peer has replicas')
}

function replicaPath({ dataFolder }: TandemProcess, { owner, name }: ChaosFile): string {
  return join(dataFolder, 'replicated', owner, name)
}
