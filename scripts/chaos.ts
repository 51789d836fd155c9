/** `npm run chaos -- --seed N`: real faults on a cluster of real processes. */
import { Command, Option } from 'commander'
import { interrupted } from '../common/interrupted.ts'
import { randomId, systemRandom } from '../common/random.ts'
import { chaos, type StrikeResult } from '../evaluation/chaos/chaos.ts'
import { faultTexts, parseStrikes } from '../evaluation/chaos/chaos-plan.ts'
import { chaosTable, strikeLines } from '../evaluation/chaos/chaos-table.ts'
import { conditionsNow } from '../evaluation/scaling/machine.ts'
import { writeResult } from '../evaluation/scaling/result.ts'
import { parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

interface Given {
  readonly seed?: string
  readonly files?: number
  readonly faults?: readonly string[]
  readonly short: boolean
  readonly output?: string
}

const filesByDefault = { short: 300, full: 2_000 } as const

const faultList = Object.entries(faultTexts).map(([name, text]) => `  ${name.padEnd(10)}  ${text}`)

const command = new Command('chaos')
  .description(
    'Injects real faults into an index and six peers in three zones, and checks after each that nothing is lost, copies are restored, and disks return to the replication factor.',
  )
  .option('--seed <text>', 'selects faults and victims; the same seed gives the same ones')
  .option('--files <count>', 'files of mixed sizes (default: 2000, or 300)', parsePositiveCount)
  .option('--faults <fault...>', 'only these, in this order; `+` joins two at the same time')
  .addOption(new Option('--short', 'a few faults, in about a minute').default(false))
  .option(
    '--output <file>',
    'the result as JSON (default: evaluation/results/chaos.json for all faults)',
  )
  .addHelpText('after', `\nFaults:\n${faultList.join('\n')}`)
  .action(async (given: Given) => {
    // Catches signals, so that an interrupted run still stops its processes and removes their data.
    using stop = interrupted()
    const { short: isShort, seed = randomId(systemRandom, 4) } = given
    const isPart = isShort || given.faults !== undefined
    const { output = isPart ? undefined : 'evaluation/results/chaos.json' } = given
    const { files = filesByDefault[isShort ? 'short' : 'full'] } = given
    const strikes = given.faults && parseStrikes(given.faults)
    const print = (line: string): void => console.log(line)
    const onStrike = (strike: StrikeResult): void => print(strikeLines(strike).join('\n'))
    const about = conditionsNow()
    const options = { seed, files, isShort, strikes, print, onStrike }
    const result = await chaos(options, stop.signal)
    print(`\n${chaosTable(result.strikes)}\n`)
    if (output !== undefined) await writeResult(output, { seed, ...about, ...result })
    const failed = result.strikes.filter(({ violations }) => violations.length > 0)
    if (failed.length === 0)
      return print(`Seed ${seed}: ${result.strikes.length} faults, all healed.`)
    process.exitCode = 1
    print(`Seed ${seed}: ${failed.length} of ${result.strikes.length} faults broke a promise.`)
  })

await runScript(async () => {
  await command.parseAsync()
})
