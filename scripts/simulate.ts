/** `npm run simulate -- --seeds N`: whole clusters in one process, each under one seed. */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { interrupted } from '../common/interrupted.ts'
import { measureMeshScaling } from '../evaluation/simulation/mesh/mesh-scaling.ts'
import { simulateMeshes } from '../evaluation/simulation/mesh/simulate-mesh.ts'
import { findPlanted } from '../evaluation/simulation/planted/find-planted.ts'
import { simulate } from '../evaluation/simulation/simulate.ts'
import { countList, parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

/**
 * Seeds per process: the clusters of a process stay in its memory, because what a simulated crash
 * abandons still waits for signals that nothing will send.
 */
const seedsPerProcess = 250

interface Flags {
  readonly seeds: number
  readonly from: number
  readonly seed?: number
  readonly hours?: number
  readonly trace?: boolean
  readonly reduce: boolean
  readonly planted?: boolean
  readonly mesh?: boolean
  readonly whole?: boolean
  readonly withIndex?: boolean
  readonly members?: number[]
  readonly files: number
  readonly output?: string
}

const command = new Command('simulate')
  .description(
    'Runs clusters in virtual time, with faults and user actions that a seed selects, and checks that nothing is lost. The first seed that fails is reduced to the shortest list of events that explains it.',
  )
  .option('--seeds <count>', 'how many seeds', parsePositiveCount, 200)
  .option('--from <number>', 'the first seed', parsePositiveCount, 1)
  .option('--seed <number>', 'only this seed', parsePositiveCount)
  .option('--hours <count>', 'length of each life; by default the seed selects it', Number)
  .option('--trace', 'print all events')
  .option('--no-reduce', 'do not look for the shortest list of events')
  .option('--planted', 'plant bugs in copies of the source, and check that their seeds find them')
  .option('--mesh', 'meshes of 5 to 100 peers without an index')
  .option('--whole', 'with --mesh: whole peers with files, each with its own index')
  .option('--with-index', 'with --whole: an index, too, which crashes and returns')
  .option('--members <count...>', 'with --mesh: what meshes of these sizes need', countList())
  .option('--files <count>', 'with --members: files of all together', parsePositiveCount, 100_000)
  .option('--output <file>', 'with --members: the result; a drawing is put beside it')
  .action(async (flags: Flags) => {
    const { seeds, from, seed, hours, trace = false, reduce, planted, mesh } = flags
    const { members, files, output, whole = false, withIndex: hasIndex = false } = flags
    using stop = interrupted()
    const all = seed === undefined ? Array.from({ length: seeds }, (_, n) => from + n) : [seed]
    const print = (line: string): void => console.log(line)
    if (all.length > seedsPerProcess && planted !== true && (mesh !== true || whole))
      return await simulateInParts({ seeds, from, flags: process.argv.slice(2) }, stop.signal)
    const kind = { isMesh: whole, hasIndex }
    const options = { seeds: all, hours, ...kind, isTraced: trace, isReduced: reduce, print }
    const run = async (): Promise<boolean> => {
      if (planted === true) return await findPlanted({ print }, stop.signal)
      if (mesh !== true || whole) return await simulate(options, stop.signal)
      if (members !== undefined) {
        const to = output === undefined ? {} : { output }
        await measureMeshScaling({ sizes: members, files, ...to }, print)
        return true
      }
      return await simulateMeshes({ seeds: all, isTraced: trace }, print, stop.signal)
    }
    const isPassed = await run()
    if (!isPassed) process.exitCode = 1
  })

/** Runs the seeds in one process after the other, up to the first that fails. */
async function simulateInParts(
  { seeds, from, flags }: { seeds: number; from: number; flags: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  for (let first = from; first < from + seeds && !signal.aborted; first += seedsPerProcess) {
    const count = Math.min(seedsPerProcess, from + seeds - first)
    console.log(`Seeds ${first} to ${first + count - 1}:`)
    // The last of equal options counts.
    const words = [...flags, '--from', String(first), '--seeds', String(count)]
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...words], {
      stdio: 'inherit',
      signal,
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    child.on('error', () => resolve(1))
    child.on('exit', (code) => resolve(code ?? 1))
    process.exitCode = await promise
    if (process.exitCode !== 0) return
  }
}

await runScript(async () => {
  await command.parseAsync()
})
