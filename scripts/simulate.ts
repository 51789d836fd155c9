/** `npm run simulate -- --seeds N`: whole clusters in one process, each under one seed. */
import { Command } from 'commander'
import { interrupted } from '../common/interrupted.ts'
import { simulate } from '../evaluation/simulation/simulate.ts'
import { parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

interface Flags {
  readonly seeds: number
  readonly from: number
  readonly seed?: number
  readonly hours?: number
  readonly trace?: boolean
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
  .action(async ({ seeds, from, seed, hours, trace = false }: Flags) => {
    using stop = interrupted()
    const all = seed === undefined ? Array.from({ length: seeds }, (_, n) => from + n) : [seed]
    const print = (line: string): void => console.log(line)
    const isPassed = await simulate({ seeds: all, hours, isTraced: trace, print }, stop.signal)
    if (!isPassed) process.exitCode = 1
  })

await runScript(async () => {
  await command.parseAsync()
})
