/** `npm run bench`: lists the benchmarks; `npm run bench -- NAME` runs one of them. */
import { Command } from 'commander'
import { benchHttp, type HttpOptions } from './bench-http.ts'
import { parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

const bench = new Command('bench')
  .description('Measures Tandem beside the tools that people use, with real processes.')
  .action(() => bench.outputHelp())

bench
  .command('http')
  .description("load on a peer's HTTP API")
  .option('--connections <count>', 'requests at the same time', parsePositiveCount, 32)
  .option('--seconds <count>', 'how long each path is loaded', parsePositiveCount, 5)
  .option('--output <file>', 'the result', 'evaluation/results/http_load.json')
  .action((options: HttpOptions) => benchHttp(options))

await runScript(async () => {
  await bench.parseAsync()
})
