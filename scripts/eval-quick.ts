/** `npm run eval:quick`: weak and strong scaling in under two minutes; and of the index alone. */
import { join } from 'node:path'
import { Command } from 'commander'
import { howToInstall, missingPrograms } from '../evaluation/benchmarks/anchor-programs.ts'
import { measureIndexScaling } from '../evaluation/scaling/index-scaling.ts'
import type { ScalingPlan } from '../evaluation/scaling/plan.ts'
import { writeResult } from '../evaluation/scaling/result.ts'
import { measure } from './measure.ts'
import { runScript } from './run-script.ts'

const concurrency = [1, 2, 4, 8]
/** To the index alone. */
const connections = [1, 2, 4, 8, 16, 32, 64]
const plans: readonly ScalingPlan[] = [
  { scaling: 'weak', concurrency, lookups: 1_500, kb: 120, mb: 10 },
  { scaling: 'strong', concurrency, lookups: 6_000, kb: 480, mb: 40 },
]

const options = new Command('eval-quick')
  .description('Measures weak and strong scaling of lookups and downloads, with real processes.')
  .option('--config <file>', 'settings of the processes', 'config/config.json')
  .option('--peer <id>', 'the peer whose API the clients use: peer1, peer2 or peer3', 'peer1')
  .option('--output <folder>', 'folder for the results', 'evaluation/results')
  .parse()
  .opts<{ config: string; peer: string; output: string }>()

await runScript(async () => {
  for (const result of await measure(plans, options)) {
    const path = join(options.output, `${result.scaling}_scaling_quick.json`)
    await writeResult(path, result)
    console.log(`${path}: ${result.filesChecked} downloaded files, all SHA-256 verified`)
  }
  const missing = await missingPrograms(['gcc', 'taskset'])
  if (missing.length > 0)
    return console.log(`The index alone was not measured: ${howToInstall(missing)}`)
  const path = join(options.output, 'index_scaling_quick.json')
  await writeResult(path, await measureIndexScaling(connections, console.log))
  console.log(path)
})
