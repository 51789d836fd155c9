/** Compares disks and index with the files that were acknowledged, once the cluster is at rest. */
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { DiskContents } from '../soak/disk-contents.ts'
import { type ChaosCluster, factor } from './chaos-cluster.ts'
import type { ChaosFile, ChaosFiles } from './chaos-files.ts'

/** Where users see files, below a data folder. */
const kinds = ['shared', 'downloaded', 'replicated'] as const
/** Violations listed per check; others are counted. */
const listedMax = 10

export interface FoundCopy {
  readonly peer: string
  readonly kind: (typeof kinds)[number]
}

/** What is announced, moved aside or dropped only after the index was at rest takes less. */
const settledWithinMs = 60_000
const lookEveryMs = 1_000

/**
 * Waits until nothing is wrong, or for a minute: downloads end and damaged copies are moved aside in
 * their own time.
 * @returns what is wrong then, one sentence each
 */
export async function violationsOf(
  cluster: ChaosCluster,
  files: ChaosFiles,
  disks: DiskContents,
): Promise<string[]> {
  const endMs = systemClock.monotonicMs() + settledWithinMs
  for (;;) {
    const found = [...(await onDisks(cluster, files, disks)), ...(await inIndex(cluster, files))]
    if (found.length > 0 && systemClock.monotonicMs() < endMs) {
      await systemClock.sleep(lookEveryMs)
      continue
    }
    const more = found.length - listedMax
    return more > 0 ? [...found.slice(0, listedMax), `… and ${more} more`] : found
  }
}

async function onDisks(
  cluster: ChaosCluster,
  files: ChaosFiles,
  disks: DiskContents,
): Promise<string[]> {
  const expected = new Map<string, ChaosFile>(files.all.map((file) => [file.sha256, file]))
  const copies = new Map<string, FoundCopy[]>()
  const violations: string[] = []
  // Not what the peers keep for themselves: it changes while it is read.
  for (const { process } of cluster.peers)
    for (const kind of kinds)
      for (const { name, sha256 } of await disks.below(join(process.dataFolder, kind))) {
        const peer = process.name
        if (!expected.has(sha256))
          violations.push(`${peer} has ${kind}/${name} with other bytes than were acknowledged`)
        copies.set(sha256, [...(copies.get(sha256) ?? []), { peer, kind }])
      }
  const zones = new Map(cluster.peers.map(({ process, zone }) => [process.name, zone]))
  const zoneOf = (peer: string): string => zones.get(peer) ?? peer
  for (const file of files.all)
    violations.push(...copyViolations(file, copies.get(file.sha256) ?? [], zoneOf))
  return violations
}

/**
 * Copies that users have count, too. Replicas beyond the factor should have been dropped, except one
 * without which the copies would be in fewer zones than they can.
 */
export function copyViolations(
  { name, owner }: ChaosFile,
  copies: readonly FoundCopy[],
  zoneOf: (peer: string) => string,
): string[] {
  const peersWith = (isReplica: boolean): Set<string> =>
    new Set(
      copies.filter(({ kind }) => (kind === 'replicated') === isReplica).map(({ peer }) => peer),
    )
  const [replicas, others] = [peersWith(true), peersWith(false)]
  const all = replicas.union(others)
  if (all.size === 0) return [`${name} of ${owner} is lost`]
  if (all.size < factor) return [`${name} of ${owner} is on ${[...all].join(', ')} only`]
  const zonesOf = (peers: Iterable<string>): number => new Set(Array.from(peers, zoneOf)).size
  const zonesWanted = Math.min(factor, zonesOf(all))
  const isExtra = (peer: string): boolean => {
    const left = all.difference(new Set([peer]))
    return others.has(peer) || (left.size >= factor && zonesOf(left) >= zonesWanted)
  }
  if (![...replicas].some(isExtra)) return []
  return [
    `${name} of ${owner} has replicas on ${[...replicas].join(', ')} beside copies on '${[...others].join(', ')}'`,
  ]
}

async function inIndex(cluster: ChaosCluster, files: ChaosFiles): Promise<string[]> {
  const live = new Map<string, number>()
  for (let after: string | undefined, isFirst = true; isFirst || after !== undefined; ) {
    isFirst = false
    const request = { q: '', limit: limits.pageRowsMax, ...(after !== undefined && { after }) }
    const page = await cluster.ask((api) => api.search(request))
    for (const { name, sha256, copies } of page.files) live.set(`${sha256} ${name}`, copies)
    after = page.next
  }
  return files.all.flatMap(({ name, sha256 }) => {
    const copies = live.get(`${sha256} ${name}`) ?? 0
    return copies < factor ? [`the index knows ${copies} live copies of ${name}`] : []
  })
}
