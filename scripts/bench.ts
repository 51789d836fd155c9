/** `npm run bench`: lists the benchmarks; `npm run bench -- NAME` runs one of them. */
import { Command } from 'commander'
import { interrupted } from '../common/interrupted.ts'
import { howToInstall, missingPrograms } from '../evaluation/benchmarks/anchor-programs.ts'
import type { Benchmark } from '../evaluation/benchmarks/benchmark.ts'
import { rowsOf, type Sample } from '../evaluation/benchmarks/comparison.ts'
import { comparisonTable, sampleLine } from '../evaluation/benchmarks/comparison-table.ts'
import { delay } from '../evaluation/benchmarks/delay.ts'
import { edits } from '../evaluation/benchmarks/edits.ts'
import { heal } from '../evaluation/benchmarks/heal.ts'
import { http } from '../evaluation/benchmarks/http.ts'
import { idle } from '../evaluation/benchmarks/idle.ts'
import { index } from '../evaluation/benchmarks/index/index-benchmark.ts'
import { many } from '../evaluation/benchmarks/many.ts'
import { memory } from '../evaluation/benchmarks/memory.ts'
import { mesh } from '../evaluation/benchmarks/mesh.ts'
import { page } from '../evaluation/benchmarks/page.ts'
import { resume } from '../evaluation/benchmarks/resume.ts'
import { small } from '../evaluation/benchmarks/small.ts'
import { swarm } from '../evaluation/benchmarks/swarm.ts'
import { type TlsSize, tls } from '../evaluation/benchmarks/tls.ts'
import { transfer } from '../evaluation/benchmarks/transfer.ts'
import { conditionsNow } from '../evaluation/scaling/machine.ts'
import { writeResult } from '../evaluation/scaling/result.ts'
import { countList, parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

interface HealOptions {
  readonly size: number
  readonly files: number
  readonly blip: number
}

interface IndexOptions {
  readonly files: number
  readonly peers: number
  readonly manyPeers: number
  readonly seconds: number
  readonly lookupBytes?: number
}

interface PageOptions {
  readonly pages: number[]
  readonly peers: number
  readonly seconds: number
}

interface Given {
  readonly rounds: number
  readonly output: string
}

const bench = new Command('bench').description(
  'Measures Tandem against established tools, with real processes.',
)

/** The command of a benchmark, with the options common to all: rounds and output. */
function commandOf<Size>({ name }: Benchmark<Size>, description: string): Command {
  return bench
    .command(name)
    .description(description)
    .option('--rounds <count>', 'rounds, in which the tools alternate', parsePositiveCount, 5)
    .option('--output <file>', 'the result', `evaluation/results/bench_${name}.json`)
}

commandOf(transfer, 'one large file, against curl and aria2c, from 1 and from 3 sources')
  .option('--size <MiB>', 'size of the file', parsePositiveCount, 1_024)
  .action(({ size: mebibytes, ...given }: Given & { size: number }) =>
    compare(transfer, { mebibytes }, given),
  )

commandOf(tls, 'what TLS costs: a large file, lookups, and new connections, with and without it')
  .option('--mebibytes <MiB>', 'size of the file', parsePositiveCount, 1_024)
  .option('--lookups <count>', 'number of lookups', parsePositiveCount, 200_000)
  .option('--connections <count>', 'number of new connections', parsePositiveCount, 1_000)
  .action(({ mebibytes, lookups, connections, ...given }: Given & TlsSize) =>
    compare(tls, { mebibytes, lookups, connections }, given),
  )

commandOf(delay, 'a large file and many small ones from a source 50 ms away')
  .option('--size <MiB>', 'size of the large file', parsePositiveCount, 64)
  .option('--files <count>', 'number of small files', parsePositiveCount, 1_000)
  .action(({ size: mebibytes, files, ...given }: Given & { size: number; files: number }) =>
    compare(delay, { mebibytes, files }, given),
  )

commandOf(many, 'one file from 4 sources with links of 100 Mbit/s, with and without a cut')
  .option('--size <MiB>', 'size of the file', parsePositiveCount, 256)
  .action(({ size: mebibytes, ...given }: Given & { size: number }) =>
    compare(many, { mebibytes }, given),
  )

commandOf(swarm, 'one file to 8 peers simultaneously over links of 100 Mbit/s, against BitTorrent')
  .option('--size <MiB>', 'size of the file', parsePositiveCount, 64)
  .action(({ size: mebibytes, ...given }: Given & { size: number }) =>
    compare(swarm, { mebibytes }, given),
  )

commandOf(memory, 'peak memory of a downloading and a serving peer')
  .option('--size <MiB...>', 'sizes of the sparse files', countList(), [100, 1_024, 8_192])
  .action(({ size: mebibytes, ...given }: Given & { size: number[] }) =>
    compare(memory, { mebibytes }, given),
  )

commandOf(idle, 'many small files and no work: start-up, CPU time and memory, against Syncthing')
  .option('--files <count...>', 'how many', countList(), [20_000, 100_000])
  .option('--seconds <count>', 'how long to measure CPU time', parsePositiveCount, 120)
  .action(({ files, seconds, ...given }: Given & { files: number[]; seconds: number }) =>
    compare(idle, { files, seconds }, given),
  )

commandOf(page, 'idle open pages: CPU time and memory of their peer')
  .option('--pages <count...>', 'how many', countList(), [1, 100])
  .option('--peers <count>', 'peers of the cluster', parsePositiveCount, 3)
  .option('--seconds <count>', 'how long to measure CPU time', parsePositiveCount, 60)
  .action(({ pages, peers, seconds, ...given }: Given & PageOptions) =>
    compare(page, { pages, peers, seconds }, given),
  )

commandOf(small, 'many files of 1 KiB, against rsync')
  .option('--files <count>', 'how many', parsePositiveCount, 10_000)
  .action(({ files, ...given }: Given & { files: number }) => compare(small, { files }, given))

commandOf(edits, 'an edit of 9 bytes in a large file, against rsync')
  .option('--size <MiB>', 'size of the file', parsePositiveCount, 256)
  .action(({ size: mebibytes, ...given }: Given & { size: number }) =>
    compare(edits, { mebibytes }, given),
  )

commandOf(heal, 'what a dead peer had, and downloads meanwhile; a blip of a peer')
  .option('--size <MiB>', 'size of the large files together', parsePositiveCount, 1_024)
  .option('--files <count>', 'number of small files', parsePositiveCount, 100_000)
  .option('--blip <seconds>', 'how long the peer is away', parsePositiveCount, 30)
  .action(({ size: mebibytes, files, blip: blipSeconds, ...given }: Given & HealOptions) =>
    compare(heal, { mebibytes, files, blipSeconds }, given),
  )

commandOf(mesh, 'eight peers without an index: news, deaths, joiners, against Serf and Syncthing')
  .option('--files <count>', 'files of all peers together', parsePositiveCount, 10_000)
  .option('--news <count>', 'new files in each round', parsePositiveCount, 24)
  .action(({ files, news, ...given }: Given & { files: number; news: number }) =>
    compare(mesh, { files, news }, given),
  )

commandOf(resume, 'bytes fetched again after kill -9 of the downloading peer')
  .option('--size <MiB>', 'size of the file', parsePositiveCount, 1_024)
  .action(({ size: mebibytes, ...given }: Given & { size: number }) =>
    compare(resume, { mebibytes }, given),
  )

commandOf(http, "a peer's HTTP server: a large file by curl, and small requests, against nginx")
  .option('--size <MiB>', 'size of the file', parsePositiveCount, 1_024)
  .option('--requests <count>', 'number of small requests of each kind', parsePositiveCount, 10_000)
  .action(({ size: mebibytes, requests, ...given }: Given & { size: number; requests: number }) =>
    compare(http, { mebibytes, requests }, given),
  )

commandOf(index, 'an index with many files: announcing, lookups against Redis, searches, a restart')
  .option('--files <count>', 'how many, each with two copies', parsePositiveCount, 1_000_000)
  .option('--peers <count>', 'peers that announce them', parsePositiveCount, 100)
  .option('--many-peers <count>', 'peers that return together', parsePositiveCount, 2_000)
  .option('--seconds <count>', 'how long each load lasts', parsePositiveCount, 3)
  .option('--lookup-bytes <count>', 'memory of the index for lookups', parsePositiveCount)
  .action(({ rounds, output, ...size }: Given & IndexOptions) =>
    compare(index, size, { rounds, output }),
  )

async function compare<Size>(
  { name, anchors, whyNot, measure }: Benchmark<Size>,
  size: Size,
  { rounds, output }: Given,
): Promise<void> {
  // Catches signals, so that an interrupted run still stops its processes and removes their data.
  using stop = interrupted()
  const reason = await whyNot?.()
  if (reason !== undefined) {
    console.error(`error: ${name} cannot be measured here: ${reason}`)
    process.exitCode = 1
    return
  }
  const missing = await missingPrograms(anchors)
  if (missing.length > 0) console.log(howToInstall(missing))
  const samples: Sample[] = []
  const about = conditionsNow()
  const onSample = (sample: Sample): void => {
    stop.signal.throwIfAborted()
    samples.push(sample)
    console.log(sampleLine(sample))
  }
  await measure(size, { rounds, missing, onSample, signal: stop.signal })
  const rows = rowsOf(samples)
  console.log(`\n${comparisonTable(rows)}\n`)
  const parameters = { ...size, rounds }
  await writeResult(output, { benchmark: name, ...about, parameters, missing, rows })
  console.log(`${output}: all files verified`)
}

await runScript(async () => {
  // Without arguments commander would report an error.
  if (process.argv.length === 2) bench.outputHelp()
  else await bench.parseAsync()
})
