/** `npm run soak -- --seed N --minutes M`: random use and faults on a cluster of real processes. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { interrupted } from '../common/interrupted.ts'
import { randomId, systemRandom } from '../common/random.ts'
import { soak } from '../evaluation/soak/soak.ts'
import { parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

const command = new Command('soak')
  .description(
    'Runs random actions and faults on an index and four peers, and checks that nothing is lost.',
  )
  .option('--seed <text>', 'selects the actions; the same seed gives the same order')
  .option('--minutes <count>', 'how long', parsePositiveCount, 2)
  .option('--report <file>', 'log file of all actions', join(tmpdir(), 'tandem-soak.txt'))
  .action(async (given: { seed?: string; minutes: number; report: string }) => {
    using stop = interrupted()
    const { minutes, report: reportPath, seed = randomId(systemRandom, 4) } = given
    const print = (line: string): void => console.log(line)
    const result = await soak({ seed, minutes, reportPath, print }, stop.signal)
    const actions = [...result.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
    print(`Actions: ${actions.map(([kind, count]) => `${count} ${kind}`).join(', ')}`)
    const peaks = [...result.peakBytes].map(
      ([name, bytes]) => `${name} ${Math.round(bytes / 2 ** 20)}`,
    )
    print(`Peak memory in MiB: ${peaks.join(', ')}`)
    if (result.violations.length === 0) return print(`Seed ${seed}: no violations.`)
    process.exitCode = 1
    print(`Seed ${seed}: ${result.violations.length} violations; the actions are in ${reportPath}`)
  })

await runScript(async () => {
  await command.parseAsync()
})
