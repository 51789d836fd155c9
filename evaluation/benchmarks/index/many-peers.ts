/** An index with thousands of peers that return together, and the death of a peer with very many files. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { systemClock } from '../../../common/clock.ts'
import type { Connected } from '../../../common/protocol/client.ts'
import { requestFrame } from '../../../common/protocol/envelope.ts'
import { protocolVersion } from '../../../common/protocol/messages.ts'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import type { TandemProcess } from '../../system/tandem-process.ts'
import type { BenchmarkOptions } from '../benchmark.ts'
import { tandem } from '../comparison.ts'
import { processorSecondsOf } from '../processor-time.ts'
import { bound } from './bound.ts'
import { Crowd } from './crowd.ts'
import { compileGenerator, generateLoad, writeRequests } from './load-generator.ts'
import { nameOf, type Put, putOf } from './names.ts'
import { Client, startTestedIndex } from './tested-index.ts'

const lookEveryMs = 20
const settleMs = 5_000
const idleMs = 20_000
const filesPerPeer = 10
const foundDeadlineMs = 600_000

/** Kills the index, and waits for all of `peers` peers; then leaves it alone. */
export async function measureManyPeers(peers: number, options: BenchmarkOptions): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder()).path
  // Otherwise it has copies to make.
  const tested = stack.use(await startTestedIndex(folder, ['--replication-factor', '1']))
  const address = { host: '127.0.0.1', port: tested.port }
  const crowd = stack.use(await Crowd.join(address, peers))
  for (const [owner, member] of crowd.members.entries())
    await member.announce(
      Array.from({ length: filesPerPeer }, (_, at) => putOf(owner, at, 'shared')),
    )
  const client = stack.use(new Client(address))
  await measureReturn(tested, crowd, client, options)
  await measureIdle(tested, peers, options)
}

async function measureReturn(
  tested: TandemProcess,
  crowd: Crowd,
  client: Client,
  options: BenchmarkOptions,
): Promise<void> {
  const peers = crowd.members.length
  await tested.kill('SIGKILL')
  const killedMs = systemClock.monotonicMs()
  const starting = tested.start()
  const connecting = crowd.connect()
  let slowest = 0
  for (let live = 0; live < peers; ) {
    const ask = (to: Connected['connection']): Promise<unknown> =>
      to.request('lookup', { name: nameOf(0, 0) })
    // Until it listens, nothing waits.
    const seconds = await client.secondsOf(ask).catch(() => 0)
    slowest = Math.max(slowest, seconds)
    const status = await client.connection().then(
      (to) => to.request('status', {}),
      () => undefined,
    )
    live = status?.peers.live ?? 0
    const waitedMs = systemClock.monotonicMs() - killedMs
    assert(waitedMs < foundDeadlineMs, `only ${live} of ${peers} peers are back`)
    await systemClock.sleep(lookEveryMs)
  }
  const value = (systemClock.monotonicMs() - killedMs) / 1_000
  await Promise.all([starting, connecting])
  const work = `kill -9 until ${peers} peers are back`
  options.onSample({ work, contender: tandem, unit: 'seconds', value })
  bound(work, 20, 'seconds', options)
  const wait = 'slowest lookup meanwhile'
  options.onSample({ work: wait, contender: tandem, unit: 'seconds', value: slowest })
  bound(wait, 1, 'seconds', options)
}

async function measureIdle(
  { pid }: TandemProcess,
  peers: number,
  options: BenchmarkOptions,
): Promise<void> {
  assert(pid !== undefined)
  await systemClock.sleep(settleMs)
  const before = (await processorSecondsOf(pid)) ?? 0
  await systemClock.sleep(idleMs)
  const value = (100_000 * (((await processorSecondsOf(pid)) ?? 0) - before)) / idleMs
  const work = `idle index with ${peers} peers`
  options.onSample({ work, contender: tandem, unit: 'percent', value })
  bound(work, 3, 'percent', options)
}

/** Peers that keep the replicas of the one that dies. */
const keepers = 20
const deathFlags = ['--heartbeat-ms', '1000', '--dead-after-ms', '4000', '--brake-ms', '0']

/** A peer with `files` files dies: the wait of lookups until it is known what lacks copies. */
export async function measureDeath(files: number, options: BenchmarkOptions): Promise<void> {
  await using stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder()).path
  const generator = await compileGenerator(folder)
  const tested = stack.use(await startTestedIndex(folder, deathFlags))
  const address = { host: '127.0.0.1', port: tested.port }
  const crowd = stack.use(await Crowd.join(address, keepers + 1))
  const client = stack.use(new Client(address))
  await announceShared(crowd, files)
  // A connection that was idle for long may be closed just now.
  const belowFactor = async (): Promise<number> =>
    await client
      .connection()
      .then(
        async (to) => (await to.request('status', {}).catch(() => undefined))?.belowFactor ?? -1,
      )
  await until(async () => (await belowFactor()) === 0)
  const requests = join(folder, 'requests')
  const hello = requestFrame(1, 'hello', { protocol: protocolVersion, role: 'client' })
  const lookups = Array.from({ length: Math.min(files, 100_000) }, (_, at) =>
    requestFrame(at + 2, 'lookup', { name: nameOf(0, (at * 7_919) % files) }),
  )
  await writeRequests(requests, hello, lookups)
  crowd.member(0).leave()
  const seconds = 30
  const { port } = tested
  const load = { port, connections: 4, inFlight: 1, protocol: 'framed' as const, requests }
  const { p99 } = await generateLoad(generator, { ...load, seconds })
  await until(async () => (await belowFactor()) === files)
  const work = `p99 of lookups after the death of a peer with ${files} files`
  options.onSample({ work, contender: tandem, unit: 'seconds', value: p99 })
  bound(work, 0.01, 'seconds', options)
}

/** All files belong to the first peer; each has a replica at one of the others. */
async function announceShared(crowd: Crowd, files: number): Promise<void> {
  const shared = function* (): Generator<Put> {
    for (let file = 0; file < files; file += 1) yield putOf(0, file, 'shared')
  }
  const replicas = function* (keeper: number): Generator<Put> {
    for (let file = keeper; file < files; file += keepers) yield putOf(0, file, 'replicated')
  }
  await crowd.member(0).announce(shared())
  await Promise.all(
    Array.from({ length: keepers }, (_, keeper) =>
      crowd.member(keeper + 1).announce(replicas(keeper)),
    ),
  )
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const startedMs = systemClock.monotonicMs()
  while (!(await isSo())) {
    assert(systemClock.monotonicMs() - startedMs < foundDeadlineMs, 'the index is not ready')
    await systemClock.sleep(100)
  }
}
