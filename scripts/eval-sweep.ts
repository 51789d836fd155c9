/** `npm run eval:sweep`: strong scaling, with configurable work and clients. */
import { Command } from 'commander'
import type { ScalingPlan } from '../evaluation/scaling/plan.ts'
import { writeResult } from '../evaluation/scaling/result.ts'
import { measure } from './measure.ts'
import { countList, parseCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

interface Options extends Omit<ScalingPlan, 'scaling'> {
  readonly config: string
  readonly peer: string
  readonly output: string
}

const { config, peer, output, ...work } = new Command('eval-sweep')
  .description('Measures strong scaling: fixed work, divided among a growing number of clients.')
  .option('--config <file>', 'settings of the processes', 'config/config.json')
  .option('--peer <id>', 'the peer whose API the clients use: peer1, peer2 or peer3', 'peer1')
  .option('--lookups <count>', 'lookups per step', parseCount, 2_000)
  .option('--kb <count>', 'downloads of 1 KiB per step', parseCount, 200)
  .option('--mb <count>', 'downloads of 1 MiB per step', parseCount, 20)
  .option('--concurrency <clients...>', 'numbers of clients, one step each', countList(), [1, 2, 4])
  .option('--output <file>', 'the result', 'evaluation/results/strong_scaling_sweep.json')
  .parse()
  .opts<Options>()

await runScript(async () => {
  const [result] = await measure([{ scaling: 'strong', ...work }], { config, peer })
  await writeResult(output, result)
  console.log(`${output}: ${result?.filesChecked} downloaded files, all SHA-256 verified`)
})
