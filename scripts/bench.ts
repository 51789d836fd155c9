/** `npm run bench`: lists the benchmarks; `npm run bench -- NAME` runs one of them. */
import { Command } from 'commander'
import { interrupted } from '../common/interrupted.ts'
import {
  type AnchorProgram,
  howToInstall,
  missingPrograms,
} from '../evaluation/benchmarks/anchor-programs.ts'
import { rowsOf, type Sample } from '../evaluation/benchmarks/comparison.ts'
import { comparisonTable, sampleLine } from '../evaluation/benchmarks/comparison-table.ts'
import type { BenchmarkOptions } from '../evaluation/benchmarks/in-turns.ts'
import { measureMemory } from '../evaluation/benchmarks/memory.ts'
import { measureResume } from '../evaluation/benchmarks/resume.ts'
import { measureSmall, smallAnchors } from '../evaluation/benchmarks/small.ts'
import { measureTransfer, transferAnchors } from '../evaluation/benchmarks/transfer.ts'
import { conditionsNow } from '../evaluation/scaling/machine.ts'
import { writeResult } from '../evaluation/scaling/result.ts'
import { benchHttp, type HttpOptions } from './bench-http.ts'
import { countList, parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

interface Given {
  readonly rounds: number
  readonly output: string
}

interface Benchmark<Size> {
  readonly anchors: readonly AnchorProgram[]
  readonly measure: (size: Size, options: BenchmarkOptions) => Promise<void>
}

const bench = new Command('bench')
  .description('Measures Tandem beside the tools that people use, with real processes.')
  .action(() => bench.outputHelp())

/** A benchmark against anchors, with what all of them have: rounds, and a result. */
function comparison(name: string, description: string): Command {
  return bench
    .command(name)
    .description(description)
    .option('--rounds <count>', 'how often everybody has a turn', parsePositiveCount, 5)
    .option('--output <file>', 'the result', `evaluation/results/bench_${name}.json`)
}

comparison('transfer', 'one large file, against curl and aria2c, from 1 and from 3 sources')
  .option('--size <MiB>', 'of the file', parsePositiveCount, 1_024)
  .action(({ size: mebibytes, ...given }: Given & { size: number }) =>
    compare({ mebibytes }, given, { anchors: transferAnchors, measure: measureTransfer }),
  )

comparison('memory', 'the most memory that a downloading and a serving peer take')
  .option('--size <MiB...>', 'of the files, which are sparse', countList(), [100, 1_024, 8_192])
  .action(({ size: mebibytes, ...given }: Given & { size: number[] }) =>
    compare({ mebibytes }, given, { anchors: [], measure: measureMemory }),
  )

comparison('small', 'many files of 1 KiB, against rsync')
  .option('--files <count>', 'how many', parsePositiveCount, 10_000)
  .action(({ files, ...given }: Given & { files: number }) =>
    compare({ files }, given, { anchors: smallAnchors, measure: measureSmall }),
  )

comparison('resume', 'what is fetched again after kill -9 of the downloading peer')
  .option('--size <MiB>', 'of the file', parsePositiveCount, 1_024)
  .action(({ size: mebibytes, ...given }: Given & { size: number }) =>
    compare({ mebibytes }, given, { anchors: [], measure: measureResume }),
  )

bench
  .command('http')
  .description("load on a peer's HTTP API")
  .option('--connections <count>', 'requests at the same time', parsePositiveCount, 32)
  .option('--seconds <count>', 'how long each path is loaded', parsePositiveCount, 5)
  .option('--output <file>', 'the result', 'evaluation/results/http_load.json')
  .action((options: HttpOptions) => benchHttp(options))

async function compare<Size>(
  size: Size,
  { rounds, output }: Given,
  { anchors, measure }: Benchmark<Size>,
): Promise<void> {
  // Caught, so that an interrupted run still stops its processes and removes their data.
  using stop = interrupted()
  const missing = await missingPrograms(anchors)
  if (missing.length > 0) console.log(howToInstall(missing))
  const samples: Sample[] = []
  const about = conditionsNow()
  const onSample = (sample: Sample): void => {
    stop.signal.throwIfAborted()
    samples.push(sample)
    console.log(sampleLine(sample))
  }
  await measure(size, { rounds, missing, onSample })
  const rows = rowsOf(samples)
  console.log(`\n${comparisonTable(rows)}\n`)
  await writeResult(output, { ...about, parameters: { ...size, rounds }, missing, rows })
  console.log(`${output}: every file was checked`)
}

await runScript(async () => {
  await bench.parseAsync()
})
