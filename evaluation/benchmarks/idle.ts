/**
 * The cost of a peer with many small files and no work, compared with Syncthing on the same files
 * and with bounds: the time until a first start has recorded all files (Tandem: the index has
 * them), the time of a start without changes, and then CPU time and memory at rest.
 */
import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { startCluster } from '../system/cluster-fixture.ts'
import { copiesKnown } from '../system/copies-known.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { tandem } from './comparison.ts'
import { secondsOf } from './interleaved.ts'
import { residentMemoryOf } from './peak-memory.ts'
import { processorSecondsOf } from './processor-time.ts'
import { prepareSyncthing, startSyncthing } from './syncthing-anchor.ts'

export interface IdleSize {
  readonly files: readonly number[]
  /** How long CPU time is measured. */
  readonly seconds: number
}

export const idle: Benchmark<IdleSize> = {
  name: 'idle',
  anchors: ['syncthing'],
  measure: measureIdle,
}

const filesPerFolder = 100
/** Before measuring: after a start caches warm up and memory is released. */
const settleMs = 20_000
/** Per file, plus a minimum. */
const deadlineMsOf = (files: number): number => 60_000 + files

/** The limits of an idle peer with this many files or more. */
const bounds = [
  { files: 1_000_000, megabytes: 400, percent: 1 },
  { files: 100_000, megabytes: 150, percent: 1 },
  { files: 0, megabytes: 120, percent: 0.5 },
] as const

interface Figures {
  readonly firstSeconds: number
  readonly againSeconds: number
  readonly percent: number
  readonly bytes: number
}

async function measureIdle(
  { files: sizes, seconds }: IdleSize,
  { rounds, missing, onSample }: BenchmarkOptions,
): Promise<void> {
  for (const files of sizes)
    for (let round = 0; round < rounds; round++) {
      const bound = bounds.find((each) => files >= each.files) ?? bounds[2]
      const tell = (contender: string, figures: Figures, goal?: number): void => {
        const goals = goal === undefined ? {} : { goal }
        const work = (what: string): string => `${files} files, ${what}`
        const { firstSeconds, againSeconds, percent, bytes } = figures
        const inSeconds = { contender, unit: 'seconds' } as const
        onSample({ ...inSeconds, work: work('first start'), value: firstSeconds, ...goals })
        onSample({ ...inSeconds, work: work('next start'), value: againSeconds })
        onSample({ contender, work: work('at rest'), unit: 'percent', value: percent })
        onSample({ contender, work: work('memory'), unit: 'bytes', value: bytes })
      }
      tell(tandem, await measureTandem(files, seconds))
      if (!missing.includes('syncthing'))
        tell('syncthing', await measureSyncthing(files, seconds), 1.2)
      const limits = { contender: 'bound', goal: 1 } as const
      const { percent, megabytes } = bound
      onSample({ ...limits, work: `${files} files, next start`, unit: 'seconds', value: 1 })
      onSample({ ...limits, work: `${files} files, at rest`, unit: 'percent', value: percent })
      onSample({ ...limits, work: `${files} files, memory`, unit: 'bytes', value: megabytes * 1e6 })
    }
}

async function measureTandem(files: number, seconds: number): Promise<Figures> {
  const prepare = async (_peerId: string, folder: string): Promise<void> =>
    await writeFiles(folder, files)
  // The files exist before the start: writing them is not measured.
  await using cluster = await startCluster({ peers: 0, factor: 1 })
  const dataFolder = join(cluster.folder, 'peer1')
  await prepare('peer1', join(dataFolder, 'shared'))
  let peer: TandemProcess | undefined
  const firstSeconds = await secondsOf(async () => {
    peer = await cluster.startPeer('peer1', { dataFolder })
    await copiesKnown(peer, files)
  })
  assert(peer !== undefined)
  const { output } = peer
  await peer.kill()
  const before = output.length
  const started = peer
  const againSeconds = await secondsOf(async () => {
    await started.start()
    await scanEnded(started, before, deadlineMsOf(files))
  })
  return { firstSeconds, againSeconds, ...(await atRest(started.pid, seconds)) }
}

async function scanEnded(peer: TandemProcess, after: number, deadlineMs: number): Promise<void> {
  const deadline = { what: 'The first scan', deadlineMs }
  await withDeadline(deadline, systemClock, async (signal) => {
    while (!peer.output.slice(after).some((line) => line.includes('first scan has ended')))
      await systemClock.sleep(10, signal)
  })
}

async function measureSyncthing(files: number, seconds: number): Promise<Figures> {
  await using temporary = await temporaryFolder()
  const [home, folder] = [join(temporary.path, 'home'), join(temporary.path, 'files')]
  await writeFiles(folder, files)
  const device = await prepareSyncthing(home, folder)
  const options = { files, deadlineMs: deadlineMsOf(files) }
  const start = async (): Promise<[number, AsyncDisposable & { pid: number }]> => {
    const startMs = systemClock.monotonicMs()
    const running = await startSyncthing(device, options)
    return [(systemClock.monotonicMs() - startMs) / 1_000, running]
  }
  const [firstSeconds, first] = await start()
  await first[Symbol.asyncDispose]()
  const [againSeconds, running] = await start()
  await using _running = running
  return { firstSeconds, againSeconds, ...(await atRest(running.pid, seconds)) }
}

async function atRest(
  pid: number | undefined,
  seconds: number,
): Promise<{ percent: number; bytes: number }> {
  assert(pid !== undefined, 'it must be running')
  await systemClock.sleep(settleMs)
  const pids = [pid, ...(await childrenOf(pid))]
  const spent = async (): Promise<number> => {
    const each = await Promise.all(pids.map((one) => processorSecondsOf(one)))
    return each.reduce<number>((sum, one) => sum + (one ?? 0), 0)
  }
  const before = await spent()
  await systemClock.sleep(seconds * 1_000)
  const percent = (((await spent()) - before) / seconds) * 100
  const own = await residentMemoryOf(pid)
  // A helper process may have ended meanwhile.
  const ofChildren = (await childrenOf(pid)).map((one) => residentMemoryOf(one).catch(() => 0))
  const bytes = (await Promise.all(ofChildren)).reduce((sum, one) => sum + one, own)
  return { percent, bytes }
}

/** Of all its threads: a Go program starts processes from any of them. */
async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`)
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8')),
  )
  return lists.flatMap((list) => list.split(' ').filter((word) => word !== '')).map(Number)
}

async function writeFiles(folder: string, files: number): Promise<void> {
  for (let number = 0; number < files; number++) {
    const below = join(folder, `folder ${Math.floor(number / filesPerFolder)}`)
    if (number % filesPerFolder === 0) await mkdir(below, { recursive: true })
    await writeFile(join(below, `file ${number}`), `text ${number}`)
  }
}
