import { Cluster } from './cluster/cluster.ts'
import type { SimulatedEvent } from './cluster/event-log.ts'
import { Deeds } from './deeds.ts'
import { Expectations } from './expectations.ts'
import { missing, wrongs } from './final-check.ts'
import { Monitor } from './monitor.ts'
import { isMoving, leftovers } from './rest.ts'
import type { Script } from './script.ts'
import { Stage } from './stage.ts'

/** From the last action until faults that were to last longer end, too. */
const lastFaultMs = 300_000
/** Interval of looking at a cluster whose faults are over. */
const settleStepMs = 60_000
/** When, after the last fault, each file must have its copies. */
const healMsMax = 2 * 3_600_000
/** After that, when nothing must be left to be done. */
const restMsMax = 1_800_000
/** When everything must be as it should be. */
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
  const { seed, peers, settings, isMesh, hasIndex, actions } = script
  const monitor = new Monitor()
  const cluster = new Cluster(
    { seed: String(seed), peers, settings, isMesh, hasIndex },
    { tap: monitor.tap, watcherOf: (machine) => monitor.watcherOf(machine) },
  )
  const expectations = new Expectations(cluster)
  monitor.watch(cluster, expectations)
  const stage = new Stage(cluster, { expectations, monitor })
  const deeds = new Deeds(stage)
  const { clock, events } = cluster
  await cluster.startIndex()
  for (const machine of cluster.machines) await cluster.startPeer(machine)
  for (const action of actions) {
    await clock.advance(Math.max(0, action.atMs - clock.elapsedMs))
    monitor.look()
    if (monitor.violations.length > 0) break
    await deeds.carryOut(action)
  }
  if (monitor.violations.length === 0) await recover(stage, deeds)
  if (monitor.violations.length === 0) await rest(stage, deeds)
  const { digest } = events
  const simulatedMs = clock.elapsedMs
  cluster.end()
  return { violations: monitor.violations, events: events.events, digest, simulatedMs }
}

/** All faults end: waits until everything is as it should be, which must take no longer than it may. */
async function recover({ cluster, expectations, monitor }: Stage, deeds: Deeds): Promise<void> {
  const { clock, events } = cluster
  // What was going to happen for a while has happened, or ends now.
  await clock.advance(lastFaultMs)
  events.add('script', 'all faults end')
  const endedMs = clock.elapsedMs
  for (;;) {
    // A fault that was to last longer ends now, and a crash that was due is over.
    await deeds.healAll()
    deeds.scrubAll()
    await clock.advance(settleStepMs)
    monitor.look()
    if (monitor.violations.length > 0) return
    const lacking = missing(cluster, expectations)
    const found = lacking.length > 0 ? lacking : await wrongs(cluster, expectations)
    if (found.length === 0) break
    const ms = clock.elapsedMs - endedMs
    if (ms < (lacking.length > 0 ? healMsMax : settleMsMax)) continue
    for (const wrong of found) monitor.violation(`in the end: ${wrong}`)
    return
  }
  events.add('script', 'the cluster has recovered')
}

/** Nothing is left to be done, and a blip does not change that. */
async function rest(stage: Stage, deeds: Deeds): Promise<void> {
  const { cluster, expectations, monitor } = stage
  // What happened last may have made a move possible, which is not yet at its end.
  for (let ms = 0; isMoving(stage) && ms < restMsMax; ms += settleStepMs)
    await cluster.clock.advance(settleStepMs)
  for (const left of leftovers(stage)) monitor.violation(left)
  // Peers that return make a zone available, to which copies may move.
  if (cluster.machines.some(({ zone }) => zone !== undefined)) return
  await deeds.blip()
  monitor.look()
  for (const wrong of await wrongs(cluster, expectations))
    monitor.violation(`after a blip: ${wrong}`)
}
