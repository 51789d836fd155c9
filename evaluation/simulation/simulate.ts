/** Runs seeds, and explains the first that fails. */
import { lineOf } from './cluster/event-log.ts'
import { scriptOf } from './draw-script.ts'
import { wholeMeshScriptOf } from './mesh/whole-mesh.ts'
import { type Outcome, runScript } from './run-script.ts'
import type { Script } from './script.ts'
import { shrunk } from './shrink.ts'

export interface SimulateOptions {
  /** Run one after the other, up to the first that fails. */
  readonly seeds: Iterable<number>
  /** Whether the peers are a mesh. */
  readonly isMesh?: boolean
  /** Whether the mesh has an index, too. */
  readonly hasIndex?: boolean
  /** Length of each cluster's life; drawn from the seed by default. */
  readonly hours: number | undefined
  /** Whether the events of all seeds are printed. */
  readonly isTraced: boolean
  /** Whether a seed that fails is reduced. */
  readonly isReduced: boolean
  readonly print: (line: string) => void
}

/** @returns whether all seeds passed */
export async function simulate(options: SimulateOptions, signal: AbortSignal): Promise<boolean> {
  const { seeds, isTraced, print } = options
  let count = 0
  let simulatedMs = 0
  for (const seed of seeds) {
    if (signal.aborted) break
    const outcome = await runScript(drawn(seed, options))
    if (isTraced) printEvents(outcome, print)
    if (outcome.violations.length > 0) {
      await explain(seed, outcome, options)
      return false
    }
    count += 1
    simulatedMs += outcome.simulatedMs
  }
  const simulatedHours = Math.round(simulatedMs / 3_600_000)
  print(`${count} seeds passed: ${simulatedHours} hours in the life of a cluster.`)
  return true
}

async function explain(seed: number, outcome: Outcome, options: SimulateOptions): Promise<void> {
  const { hours, isMesh, hasIndex, isReduced, print } = options
  print(`Seed ${seed} failed: ${outcome.violations[0]}`)
  if (!isReduced) return
  const { script, outcome: shortest } = await shrunk(drawn(seed, options), outcome)
  print(`The shortest script that fails like this has ${script.actions.length} actions:`)
  printEvents(shortest, print)
  for (const violation of shortest.violations) print(violation)
  print(`As a regression: ${JSON.stringify(script)}`)
  const flags = `${isMesh === true ? ' --mesh --whole' : ''}${hasIndex === true ? ' --with-index' : ''}${hours === undefined ? '' : ` --hours ${hours}`}`
  print(`Replay all of it: npm run simulate -- --seed ${seed}${flags} --trace`)
}

function drawn(seed: number, { hours, isMesh, hasIndex }: SimulateOptions): Script {
  return isMesh === true ? wholeMeshScriptOf(seed, { hours, hasIndex }) : scriptOf(seed, hours)
}

function printEvents({ events }: Outcome, print: (line: string) => void): void {
  for (const event of events) print(lineOf(event).trimEnd())
}
