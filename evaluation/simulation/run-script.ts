import { Cluster } from './cluster/cluster.ts'
import type { SimulatedEvent } from './cluster/event-log.ts'
import { Deeds } from './deeds.ts'
import { Expectations } from './expectations.ts'
import { wrongs } from './final-check.ts'
import { Monitor } from './monitor.ts'
import type { Script } from './script.ts'

/** Interval of looking at a cluster whose faults are over, and when it must be as it should be. */
const settleStepMs = 300_000
const settleMsMax = 6 * 3_600_000

export interface Outcome {
  /** What was violated, first thing first; empty if all went well. */
  readonly violations: readonly string[]
  readonly events: readonly SimulatedEvent[]
  /** Of all events: equal for equal runs. */
  readonly digest: string
  readonly simulatedMs: number
}

/** Lives through a script, and then waits until the cluster has recovered. */
export async function runScript(script: Script): Promise<Outcome> {
  const { seed, peers, settings, actions } = script
  const monitor = new Monitor()
  const cluster = new Cluster(
    { seed: String(seed), peers, settings },
    { tap: monitor.tap, watcherOf: (machine) => monitor.watcherOf(machine) },
  )
  const expectations = new Expectations(cluster)
  monitor.watch(cluster, expectations)
  const deeds = new Deeds(cluster, { expectations, monitor })
  const { clock, events } = cluster
  await cluster.startIndex()
  for (const machine of cluster.machines) await cluster.startPeer(machine)
  for (const action of actions) {
    await clock.advance(Math.max(0, action.atMs - clock.elapsedMs))
    monitor.look()
    if (monitor.violations.length > 0) break
    await deeds.carryOut(action)
  }
  if (monitor.violations.length === 0) await recover(cluster, deeds, expectations, monitor)
  const { digest } = events
  const simulatedMs = clock.elapsedMs
  cluster.end()
  return { violations: monitor.violations, events: events.events, digest, simulatedMs }
}

async function recover(
  cluster: Cluster,
  deeds: Deeds,
  expectations: Expectations,
  monitor: Monitor,
): Promise<void> {
  // What was going to happen for a while has happened, or ends now.
  await cluster.clock.advance(settleStepMs)
  cluster.events.add('script', 'all faults end')
  let found: string[] = []
  for (let ms = 0; ms < settleMsMax && monitor.violations.length === 0; ms += settleStepMs) {
    // A fault that was to last longer ends now, and a crash that was due is over.
    await deeds.healAll()
    deeds.scrubAll()
    await cluster.clock.advance(settleStepMs)
    monitor.look()
    found = await wrongs(cluster, expectations)
    if (found.length === 0) return
  }
  for (const wrong of found) monitor.violation(`in the end: ${wrong}`)
}
