import { copiesIn, type KnownCopy } from '../soak/known-copies.ts'
import type { Cluster, Machine, RunningIndex } from './cluster/cluster.ts'
import { contentIn } from './cluster/simulated-disk.ts'
import { type Expectations, hasContent } from './expectations.ts'

/** What is wrong with a cluster whose faults are over; one sentence each, none if it is as it should be. */
export async function wrongs(cluster: Cluster, expectations: Expectations): Promise<string[]> {
  const { indexes } = cluster
  const machines = cluster.machines.filter(({ isGone }) => !isGone)
  if (indexes.length === 0 || machines.some(({ run }) => run === undefined))
    return ['not all processes run']
  const running = new Set(machines.map(({ peerId }) => peerId))
  const ofIndexes = indexes.map(async ({ server, database }) => {
    const copies = copiesIn(database).filter(({ peerId }) => running.has(peerId))
    return [
      ...surplus(cluster, copies, expectations),
      ...unionFaults(machines, copies),
      ...statusFaults(await server.status(), expectations),
    ]
  })
  return [
    ...missing(cluster, expectations),
    ...unwanted(cluster, expectations),
    ...machines.flatMap((machine) => catalogFaults(machine)),
    ...expectations.rules.wrongs(machines),
    ...new Set((await Promise.all(ofIndexes)).flat()),
  ]
}

/** Wanted files that are not present at their factor. */
export function missing({ machines }: Cluster, { wanted, rules }: Expectations): string[] {
  const there = machines.filter(({ isGone }) => !isGone)
  return wanted.flatMap(({ owner, name, sha256 }) => {
    const factor = Math.min(rules.factorOf(name), there.length)
    const holders = machines.filter((machine) => hasContent(machine, sha256))
    if (holders.length >= factor) return []
    const places = holders.map(({ peerId }) => peerId).join(', ') || 'no peer'
    return [`${owner}/${name} with ${short(sha256)} is on ${places} only`]
  })
}

/**
 * Nothing is kept that no file has, except the versions before one that was lost, or that cannot have
 * all its copies.
 */
function unwanted({ machines }: Cluster, expectations: Expectations): string[] {
  const { doubtful, unreachable } = expectations
  const kept = new Set([...expectations.wanted, ...doubtful].map(({ sha256 }) => sha256))
  const unsafe = [...doubtful, ...unreachable]
  const lost = new Set(unsafe.map(({ owner, name }) => `${owner}/${name}`))
  return machines.flatMap(({ disk, run }) =>
    [...disk.files].flatMap(([path, { bytes }]) => {
      const at = run?.peer.share.folders.locate(path)
      if (at?.kind !== 'replicated' || lost.has(`${at.owner}/${at.name}`)) return []
      const { sha256 } = contentIn(bytes).content
      return kept.has(sha256) ? [] : [`${path} with ${short(sha256)} is kept, which no file has`]
    }),
  )
}

/** No replica is beyond the factor, unless it is in a zone that the others are not in. */
function surplus(
  { machines }: Cluster,
  copies: readonly KnownCopy[],
  { wanted, doubtful, rules }: Expectations,
): string[] {
  const zoneOf = new Map(machines.map(({ peerId, zone }) => [peerId, zone ?? peerId]))
  const zonesOf = (peers: ReadonlySet<string>): number =>
    new Set(Array.from(peers, (peerId) => zoneOf.get(peerId))).size
  const filesWith = Map.groupBy([...wanted, ...doubtful], ({ sha256 }) => sha256)
  const counted = copies.filter(({ sha256, isWanted }) => isWanted && filesWith.has(sha256))
  return [...Map.groupBy(counted, ({ sha256 }) => sha256)].flatMap(([sha256, ofContent]) => {
    const holders = new Set(ofContent.map(({ peerId }) => peerId))
    const own = ofContent.filter(({ kind }) => kind !== 'replicated').map(({ peerId }) => peerId)
    const replicas = holders.difference(new Set(own))
    const files = filesWith.get(sha256) ?? []
    const factor = Math.max(...files.map(({ name }) => rules.factorOf(name)))
    if (holders.size <= factor) return []
    return [...replicas]
      .filter((peerId) => {
        const others = holders.difference(new Set([peerId]))
        return zonesOf(others) >= Math.min(factor, zonesOf(holders))
      })
      .map((peerId) => `${short(sha256)} on ${[...holders].join(', ')} has a replica on ${peerId}`)
  })
}

/** A catalog lists exactly the files on its disk, but for those that have rotted. */
function catalogFaults({ peerId, disk, run }: Machine): string[] {
  if (run === undefined) return []
  const { share } = run.peer
  const sound = share.entries().filter(({ seq }) => !share.catalog.damage.has(seq))
  const listed = sound.map(({ at, content }) => `${at.path} ${content.sha256}`)
  const there = [...disk.files]
    .filter(([path, { rottenFrom }]) => {
      const at = share.folders.locate(path)
      if (at === undefined || rottenFrom !== undefined) return false
      return at.kind !== 'shared' || !share.catalog.isUnshared(at.name)
    })
    .map(([path, { bytes }]) => `${path} ${contentIn(bytes).content.sha256}`)
  return differences(listed, there, [`${peerId} lists`, `the disk of ${peerId} has`])
}

/** The index is the union of the catalogs. */
function unionFaults(machines: readonly Machine[], copies: readonly KnownCopy[]): string[] {
  const known = copies.map(
    ({ peerId, kind, owner, name, sha256 }) => `${peerId} ${kind} ${owner} ${name} ${sha256}`,
  )
  const listed = machines.flatMap(({ peerId, run }) =>
    (run?.peer.share.entries() ?? []).map(
      ({ at, content }) => `${peerId} ${at.kind} ${at.owner ?? ''} ${at.name} ${content.sha256}`,
    ),
  )
  return differences(known, listed, ['the index lists', 'a catalog lists'])
}

function differences(
  one: readonly string[],
  other: readonly string[],
  [oneSays, otherSays]: readonly [string, string],
): string[] {
  const [left, right] = [new Set(one), new Set(other)]
  return [
    ...[...left.difference(right)].map((line) => `only ${oneSays} ${line}`),
    ...[...right.difference(left)].map((line) => `only ${otherSays} ${line}`),
  ]
}

/**
 * Contents that were lost stay below their factor: the index cannot know. So do those that should
 * have more copies than there are peers.
 */
function statusFaults(
  status: Awaited<ReturnType<RunningIndex['server']['status']>>,
  { doubtful, unreachable }: Expectations,
): string[] {
  const { belowFactor, aboveFactor = 0, tasks } = status
  const isAtRest = tasks.running === 0 && tasks.waiting <= unreachable.length
  const openMax = doubtful.length + unreachable.length
  if (belowFactor <= openMax && aboveFactor === 0 && isAtRest) return []
  return [`the status is ${JSON.stringify(status)}`]
}

function short(sha256: string): string {
  return sha256.slice(0, 8)
}
