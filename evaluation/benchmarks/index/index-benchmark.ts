/**
 * One index with many files: announcing them, lookups beside Redis, searches, memory, and a restart; with
 * many peers that return together; and with a peer that dies.
 * The index and Redis run on one core, what measures them on another.
 *
 * A lookup takes the seconds of a million of them. p99 is that of the load generator's requests, or
 * of single requests of this process, which it lengthens a little.
 */
import assert from 'node:assert/strict'
import { systemClock } from '../../../common/clock.ts'
import type { Connected } from '../../../common/protocol/client.ts'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { freePorts } from '../../system/cluster-fixture.ts'
import type { TandemProcess } from '../../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from '../benchmark.ts'
import { roundOrder, tandem } from '../comparison.ts'
import { residentMemoryOf } from '../peak-memory.ts'
import { processorSecondsOf } from '../processor-time.ts'
import { bound } from './bound.ts'
import { ByteCounter } from './byte-counter.ts'
import { Crowd } from './crowd.ts'
import { compileGenerator, generateLoad, type Load } from './load-generator.ts'
import { hotNames, type Loads, writeLoads } from './loads.ts'
import { measureDeath, measureManyPeers } from './many-peers.ts'
import { changesOf, nameOf } from './names.ts'
import { fillRedis, startRedis } from './redis-anchor.ts'
import { Client, startTestedIndex } from './tested-index.ts'

export interface IndexSize {
  /** Files, each with two copies. */
  readonly files: number
  readonly peers: number
  /** Peers that return together. */
  readonly manyPeers: number
  /** How long each load lasts. */
  readonly seconds: number
  /** Memory of the index for lookups; by default as the index has it. */
  readonly lookupBytes?: number
}

export const index: Benchmark<IndexSize> = {
  name: 'index',
  anchors: ['gcc', 'redis-server', 'taskset'],
  measure: measureIndex,
}

const million = 1_000_000
const connections = 50
const recordsPerSecond = 100_000
const lookEveryMs = 100
const judgedDeadlineMs = 900_000
const searchesPerKind = 50
const idleCheckMs = 2_000
/** Of a core: what heartbeats of many peers take. */
const idleShare = 0.1

async function measureIndex(size: IndexSize, options: BenchmarkOptions): Promise<void> {
  await measureFiles(size, options)
  await measureManyPeers(size.manyPeers, options)
  await measureDeath(size.files, options)
}

async function measureFiles(size: IndexSize, options: BenchmarkOptions): Promise<void> {
  const { files, peers, lookupBytes } = size
  const flags = lookupBytes === undefined ? [] : ['--lookup-bytes', String(lookupBytes)]
  const isLarge = files > million
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder()).path
  const generator = await compileGenerator(folder)
  const tested = stack.use(await startTestedIndex(folder, flags))
  const address = { host: '127.0.0.1', port: tested.port }
  const crowd = stack.use(await Crowd.join(address, peers))
  const client = stack.use(new Client(address))
  await measureAnnouncing(crowd, client, size, options)
  const loads = await writeLoads(folder, { owners: peers, files: files / peers })
  await untilIdle(tested)
  await measureLookups({ folder, generator, port: tested.port, loads, ...size }, options)
  await measureSearches({ generator, port: tested.port, loads, client }, options)
  assert(tested.pid !== undefined)
  const bytes = await residentMemoryOf(tested.pid)
  options.onSample({ work: 'resident memory', contender: tandem, unit: 'bytes', value: bytes })
  bound('resident memory', (isLarge ? 600 : 300) * million, 'bytes', options)
  await measureRestart(tested, { crowd, client, firstAnswerMax: isLarge ? 3 : 1 }, options)
}

/** Resolves when the index has done what follows announcements: above all, the trigrams of all names. */
async function untilIdle({ pid }: TandemProcess): Promise<void> {
  assert(pid !== undefined)
  const startedMs = systemClock.monotonicMs()
  for (let before = await processorSecondsOf(pid); ; ) {
    await systemClock.sleep(idleCheckMs)
    const now = await processorSecondsOf(pid)
    if ((now ?? 0) - (before ?? 0) < (idleShare * idleCheckMs) / 1_000) return
    before = now
    const waitedMs = systemClock.monotonicMs() - startedMs
    assert(waitedMs < judgedDeadlineMs, 'the index does not come to rest')
  }
}

/** All files of all peers, each with a replica at the next peer, from nothing until all are judged. */
async function measureAnnouncing(
  crowd: Crowd,
  client: Client,
  { files, peers }: IndexSize,
  options: BenchmarkOptions,
): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  const stop = new AbortController()
  const announce = async (): Promise<number> => {
    try {
      await Promise.all(
        crowd.members.map((member, owner) =>
          member.announce(changesOf(owner, files / peers, peers)),
        ),
      )
      await judged(files, startedMs, client)
      return (systemClock.monotonicMs() - startedMs) / 1_000
    } finally {
      stop.abort()
    }
  }
  const [seconds, waits] = await Promise.all([
    announce(),
    lookUpMeanwhile(client, peers, stop.signal),
  ])
  const work = `${2 * files} copies of ${files} files announced and judged`
  options.onSample({ work, contender: tandem, unit: 'seconds', value: seconds })
  bound(work, (2 * files) / recordsPerSecond, 'seconds', options)
  const lookups = 'p99 of lookups while copies are announced'
  const value = percentileOf(waits, 0.99)
  options.onSample({ work: lookups, contender: tandem, unit: 'seconds', value })
  bound(lookups, 0.02, 'seconds', options)
}

/** Resolves when the index has found that every file has its copies. */
async function judged(files: number, startedMs: number, client: Client): Promise<void> {
  for (;;) {
    const { atFactor } = await (await client.connection()).request('status', {})
    if (atFactor >= files) return
    const waitedMs = systemClock.monotonicMs() - startedMs
    assert(waitedMs < judgedDeadlineMs, `only ${atFactor} of ${files} files were judged`)
    await systemClock.sleep(lookEveryMs)
  }
}

/** Looks a name up again and again. @returns the seconds of each lookup */
async function lookUpMeanwhile(
  client: Client,
  peers: number,
  signal: AbortSignal,
): Promise<number[]> {
  const waits: number[] = []
  for (let count = 0; !signal.aborted; count += 1) {
    const name = nameOf(count % peers, 0)
    // It may not be announced yet.
    const ask = (to: Connected['connection']): Promise<unknown> =>
      to.request('lookup', { name }).catch(() => {})
    waits.push(await client.secondsOf(ask))
    await systemClock.sleep(1)
  }
  return waits
}

function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

interface Measuring {
  readonly folder: string
  readonly generator: string
  readonly port: number
  readonly loads: Loads
  readonly seconds: number
}

/** Lookups per second as a multiple of those of Redis, which are the goals. */
const lookupGoals = [
  { work: 'random names', isHot: false, inFlight: 1, goal: 0.8 },
  { work: 'random names, 16 in flight', isHot: false, inFlight: 16, goal: 0.25 },
  { work: `${hotNames} hot names`, isHot: true, inFlight: 1, goal: 1 },
  { work: `${hotNames} hot names, 16 in flight`, isHot: true, inFlight: 16, goal: 0.6 },
] as const

async function measureLookups(
  { generator, port, loads, seconds }: Measuring,
  options: BenchmarkOptions,
): Promise<void> {
  const framed = { port, connections, seconds, protocol: 'framed' as const }
  const warm = await generateLoad(generator, { ...framed, inFlight: 1, requests: loads.framed })
  await using stack = new AsyncDisposableStack()
  const hasRedis = !options.missing.includes('redis-server')
  const [redisPort] = await freePorts()
  if (hasRedis) {
    stack.use(await startRedis(redisPort))
    await fillRedis(redisPort, new Set(loads.names), Math.round(warm.replyBytes))
  }
  for (const { work, isHot, inFlight, goal } of lookupGoals) {
    const title = `${million} lookups of ${work}`
    const own = { ...framed, inFlight, requests: isHot ? loads.framedHot : loads.framed }
    const redisLoad = { ...own, port: redisPort, protocol: 'redis' as const }
    const anchor = { ...redisLoad, requests: isHot ? loads.redisHot : loads.redis }
    const contenders = [
      { name: tandem, load: own },
      ...(hasRedis ? [{ name: 'redis', load: anchor }] : []),
    ]
    for (let round = 0; round < options.rounds; round += 1)
      for (const { name, load } of roundOrder(contenders, round)) {
        const measured: Load = await generateLoad(generator, load)
        const value = million / measured.perSecond
        const sample = { work: title, contender: name, unit: 'seconds', value } as const
        options.onSample(name === tandem ? sample : { ...sample, goal: round2(1 / goal) })
        if (name !== tandem || isHot || inFlight > 1) continue
        const p99 = `p99 of lookups of ${work}`
        options.onSample({ work: p99, contender: tandem, unit: 'seconds', value: measured.p99 })
        bound(p99, 0.002, 'seconds', options)
      }
  }
}

function round2(value: number): number {
  return Math.round(100 * value) / 100
}

async function measureSearches(
  { generator, port, loads, client }: Omit<Measuring, 'folder' | 'seconds'> & { client: Client },
  options: BenchmarkOptions,
): Promise<void> {
  const meanwhile = { port, connections: 4, inFlight: 1, protocol: 'framed' as const }
  for (const { kind, queryOf } of searches) {
    const load = generateLoad(generator, { ...meanwhile, seconds: 5, requests: loads.framed })
    const waits: number[] = []
    for (const name of loads.names.slice(0, searchesPerKind)) {
      const request = { query: queryOf(name), limit: 50 }
      waits.push(await client.secondsOf((to) => to.request('search', request)))
    }
    const { p99 } = await load
    for (const [work, value, most] of [
      [`p50 of searches: ${kind}`, percentileOf(waits, 0.5), 0.005],
      [`p99 of searches: ${kind}`, percentileOf(waits, 0.99), 0.05],
      [`p99 of lookups beside searches: ${kind}`, p99, 0.005],
    ] as const) {
      options.onSample({ work, contender: tandem, unit: 'seconds', value })
      bound(work, most, 'seconds', options)
    }
  }
}

/** A name ends with `file-NNNNNNNN.dat`. */
const searches = [
  { kind: 'a rare substring', queryOf: (name: string) => name.slice(-12, -4) },
  { kind: 'a frequent substring', queryOf: (name: string) => name.slice(9, 16) },
  { kind: 'a glob with a rare end', queryOf: (name: string) => `**/*${name.slice(-11)}` },
  {
    kind: 'a glob with few matches',
    queryOf: (name: string) => `**/00*/*${name.slice(-9, -5)}?.dat`,
  },
] as const

/** Until the first lookup is answered, and until all peers are back; what that takes on the wire. */
async function measureRestart(
  tested: TandemProcess,
  {
    crowd,
    client,
    firstAnswerMax,
  }: { readonly crowd: Crowd; readonly client: Client; readonly firstAnswerMax: number },
  options: BenchmarkOptions,
): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  await tested.kill('SIGKILL')
  const killedMs = systemClock.monotonicMs()
  const starting = tested.start()
  const name = nameOf(0, 0)
  for (;;) {
    const isAnswered = await client
      .secondsOf((to) => to.request('lookup', { name }))
      .then(
        () => true,
        () => false,
      )
    if (isAnswered) break
    assert(systemClock.monotonicMs() - startedMs < judgedDeadlineMs, 'the index did not start')
    await systemClock.sleep(10)
  }
  const first = (systemClock.monotonicMs() - killedMs) / 1_000
  await starting
  await crowd.connect()
  const work = 'kill -9 to the first answer'
  options.onSample({ work, contender: tandem, unit: 'seconds', value: first })
  bound(work, firstAnswerMax, 'seconds', options)
  const counter = new ByteCounter()
  const { signal } = new AbortController()
  const address = { host: '127.0.0.1', port: tested.port }
  const seen = await crowd.member(0).register(address, signal, counter.transport)
  assert(seen > 0, 'the index does not know what the peer announced')
  await crowd.member(0).beat()
  const bytesWork = 'bytes of a registration with nothing new'
  options.onSample({ work: bytesWork, contender: tandem, unit: 'bytes', value: counter.bytes })
  bound(bytesWork, 1_024, 'bytes', options)
}
