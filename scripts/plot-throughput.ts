/** `npm run eval:plot`: draws a scaling result. */
import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { readScalingResult } from '../evaluation/scaling/result.ts'
import { drawThroughput } from '../evaluation/scaling/throughput-plot.ts'
import { runScript } from './run-script.ts'

const { input, output } = new Command('plot-throughput')
  .description('Draws the throughput and efficiency of a scaling result.')
  .option('--input <file>', 'the result', 'evaluation/results/strong_scaling_sweep.json')
  .option('--output <file>', 'the PNG', 'evaluation/results/strong_throughput.png')
  .parse()
  .opts<{ input: string; output: string }>()

await runScript(async () => {
  await writeFile(output, await drawThroughput(await readScalingResult(input)))
  console.log(output)
})
