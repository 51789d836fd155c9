/** What must hold of a cluster in which nothing is left to be done. */
import type { Faults } from './faults.ts'
import type { Stage } from './stage.ts'

/** Timers of an index and its peers that wait only for each other: heartbeats, checks, idle connections. */
const timersPerProcessMax = 60
/** Two heartbeats are missed; a peer would count as dead after 60 s without one. */
const blipMs = 30_000
/** From the start of a blip until everything that follows from it has begun. */
const watchMs = 240_000

/** Entries in memory that should have ended with the work that they were about. */
export function leftovers({ cluster, expectations }: Stage): string[] {
  const { indexes, machines, clock } = cluster
  const failuresMax = expectations.contentCount * 2 * machines.length
  const entries = indexes.flatMap(({ server }) => {
    // Failures of moves that were given up are remembered, as many as there may be.
    const { failures, ...kept } = server.repairs.kept()
    return [...Object.entries(kept), ['failures', Math.max(0, failures - failuresMax)] as const]
  })
  // The needs of contents that are lost, or want more copies than there are peers, remain.
  const areOpen = expectations.doubtful.length + expectations.unreachable.length > 0
  const left = entries.filter(([table, count]) => count > 0 && !(areOpen && isAboutNeeds(table)))
  const timersMax = timersPerProcessMax * (machines.length + Math.max(1, indexes.length))
  return [
    ...left.map(([table, count]) => `${count} ${table} are kept by the index at rest`),
    ...(clock.pending > timersMax ? [`${clock.pending} timers are pending at rest`] : []),
    ...machines.flatMap(({ peerId, run }) => {
      const unfinished = run?.peer.unfinished.contents.length ?? 0
      const downloads = run?.peer.downloads.counts.running ?? 0
      return unfinished > downloads ? [`${peerId} has ${unfinished} unfinished contents`] : []
    }),
  ]
}

/** Whether a copy moves to another zone or a less full peer. */
export function isMoving({ cluster: { indexes } }: Stage): boolean {
  return indexes.some(({ server }) => server.repairs.kept().moves > 0)
}

function isAboutNeeds(table: string): boolean {
  return table === 'needs' || table === 'noRoom'
}

/** A process is silent for a while, and returns: nothing is copied. */
export async function blip({ cluster, monitor }: Stage, faults: Faults): Promise<void> {
  const { clock, machines } = cluster
  const there = [...machines.keys()].filter((place) => machines[place]?.isGone !== true)
  // Any choice will do that is the same in each run.
  const choice = cluster.events.events.length
  const peer = there[choice % there.length] ?? 0
  const others = there.filter((place) => place !== peer)
  const copiesBefore = monitor.copiesAsked
  const forMs = blipMs
  if (choice % 3 === 0) faults.crash({ do: 'crash', peer, forMs, isDiskLost: false, awaits: 0 })
  else if (choice % 3 === 1)
    faults.crashIndex({ do: 'crash-index', forMs, isDiskLost: false, awaits: 0 })
  else faults.cut({ do: 'cut', from: [peer], to: [-1, ...others], isOneWay: false, forMs })
  await clock.advance(watchMs)
  const copies = monitor.copiesAsked - copiesBefore
  if (copies > 0) monitor.violation(`${copies} copies were made because of a blip`)
}
