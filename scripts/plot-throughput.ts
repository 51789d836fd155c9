/** `npm run eval:plot`: draws a scaling result. */
import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { hasCode } from '../common/errors.ts'
import { IndexScaling } from '../evaluation/scaling/index-scaling.ts'
import { readResult, readScalingResult } from '../evaluation/scaling/result.ts'
import { drawThroughput } from '../evaluation/scaling/throughput-plot.ts'
import { runScript } from './run-script.ts'

const { input, index, output } = new Command('plot-throughput')
  .description('Draws the throughput and efficiency of a scaling result.')
  .option('--input <file>', 'the result', 'evaluation/results/strong_scaling_sweep.json')
  .option(
    '--index <file>',
    'the result of the index alone',
    'evaluation/results/index_scaling_quick.json',
  )
  .option('--output <file>', 'the PNG', 'evaluation/results/strong_throughput.png')
  .parse()
  .opts<{ input: string; index: string; output: string }>()

await runScript(async () => {
  const ofIndex = await readResult(index, IndexScaling).catch((error: unknown) => {
    // It needs a C compiler, and is not always measured.
    if (hasCode(error, 'FILE_NOT_FOUND')) return undefined
    throw error
  })
  await writeFile(output, await drawThroughput(await readScalingResult(input), ofIndex))
  console.log(output)
})
