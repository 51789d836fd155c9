/**
 * An edit of 9 bytes in a large file, whose earlier version the receiver has, compared with rsync: how
 * long it takes to fetch the new version, and how many bytes cross the network.
 *
 * Tandem's sources hash a file when it changes, rsync when it is fetched: how long Tandem takes from the
 * edit until the index knows the new content, the wait for the file to be quiet included, is measured
 * separately. Both keep the earlier version until the new one is complete, except rsync with
 * `--inplace`, and flush it. The bytes are those that rsync counts in both directions, and the chunks
 * and chunk lists that Tandem's source sends.
 */
import assert from 'node:assert/strict'
import { copyFile, mkdir, open, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { hashFile } from '../../common/content/hash.ts'
import { withDeadline } from '../../common/deadline.ts'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import { checkFile } from '../system/check-file.ts'
import { apiOf, freePorts } from '../system/cluster-fixture.ts'
import { copiesKnown } from '../system/copies-known.ts'
import { readMetric } from '../system/read-metric.ts'
import type { TandemProcess } from '../system/tandem-process.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { roundOrder, tandem } from './comparison.ts'
import { secondsOf } from './interleaved.ts'
import { flushDisk } from './outside-process.ts'
import { startRsyncDaemon, updateWithRsync } from './rsync-anchor.ts'
import { sharing, startTransferCluster, type TransferCluster } from './transfer-fixture.ts'

const editText = 'changed! '
/** Hashing takes 2 s per GiB. */
const knownDeadlineMs = 60_000
const lookEveryMs = 10

export interface EditsSize {
  readonly mebibytes: number
}

export const edits: Benchmark<EditsSize> = {
  name: 'edits',
  anchors: ['rsync'],
  measure: measureEdits,
}

/** Where an edit is made in a file of `size` bytes. */
const editPositions = {
  append: (size: number) => size,
  'change in the middle': (size: number) => Math.floor(size / 2),
} as const

interface Fetched {
  readonly seconds: number
  readonly bytes: number
}

/** A program that has the version before the last edit. */
interface Updater {
  readonly name: string
  /** Tandem's goal, as a multiple of its seconds. */
  readonly goal?: number
  readonly update: (edited: FileFixture) => Promise<Fetched>
}

async function measureEdits(
  { mebibytes }: EditsSize,
  { rounds, missing, onSample }: BenchmarkOptions,
): Promise<void> {
  await using folder = await temporaryFolder()
  const root = join(folder.path, 'originals')
  const served = await aFile(root, 'edited.bin', { bytes: mebibytes * 2 ** 20 })
  // A hard link: the source shares the file that rsync's daemon serves.
  const share = sharing(served)
  await using cluster = await startTransferCluster({ sources: 1, files: 1, share })
  await using updaters = await startUpdaters(cluster, served, {
    folder: folder.path,
    hasRsync: !missing.includes('rsync'),
  })
  // The system reports changes only of the path that is written to.
  const {
    sources: [source],
  } = cluster
  assert(source !== undefined)
  let original = { ...served, path: join(source.dataFolder, 'shared', served.name) }
  for (let round = 0; round < rounds; round++)
    for (const [edit, positionIn] of Object.entries(editPositions)) {
      const editedMs = systemClock.monotonicMs()
      original = await edited(original, positionIn(original.size))
      await known(source, original)
      const value = (systemClock.monotonicMs() - editedMs) / 1_000
      const work = `${mebibytes} MiB, ${edit}`
      onSample({
        work: `${work}, until the index knows it`,
        contender: tandem,
        unit: 'seconds',
        value,
      })
      for (const { name, goal, update } of roundOrder(updaters.all, round)) {
        await flushDisk()
        const { seconds, bytes } = await update(original)
        const goalIfAny = goal !== undefined && { goal }
        onSample({ work, contender: name, unit: 'seconds', value: seconds, ...goalIfAny })
        onSample({ work: `${work}, sent`, contender: name, unit: 'bytes', value: bytes })
      }
    }
}

async function edited({ path, ...file }: FileFixture, position: number): Promise<FileFixture> {
  {
    await using handle = await open(path, 'r+')
    await handle.write(editText, position)
  }
  const { content } = await hashFile(path)
  return { ...file, path, sha256: content.sha256, size: content.size }
}

/** Resolves when the index knows the content of an edited file. */
async function known(source: TandemProcess, { name, sha256 }: FileFixture): Promise<void> {
  using api = apiOf(source)
  const deadline = { what: 'Announcing the edit', deadlineMs: knownDeadlineMs }
  await withDeadline(deadline, systemClock, async (signal) => {
    while ((await api.lookup({ name }, signal)).files[0]?.sha256 !== sha256)
      await systemClock.sleep(lookEveryMs, signal)
  })
}

async function startUpdaters(
  { sources: [source], downloader }: TransferCluster,
  original: FileFixture,
  { folder, hasRsync }: { folder: string; hasRsync: boolean },
): Promise<{ readonly all: readonly Updater[] } & AsyncDisposable> {
  assert(source !== undefined)
  const own = tandemUpdater(source, downloader)
  await own.update(original)
  if (!hasRsync) return { all: [own], [Symbol.asyncDispose]: async () => {} }
  const [port] = await freePorts()
  const root = dirname(original.path)
  const daemon = await startRsyncDaemon(root, { folder, port })
  const rsync = async (name: string, words: readonly string[]): Promise<Updater> => {
    const mirror = join(folder, name)
    await mkdir(mirror)
    await copyFile(original.path, join(mirror, original.name))
    return { name, goal: 1, update: (file) => updateFrom(port, { mirror, words, file }) }
  }
  const anchors = [await rsync('rsync', []), await rsync('rsync --inplace', ['--inplace'])]
  return { all: [own, ...anchors], [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() }
}

/** The earlier download is removed after each, so that the next has one to start from. */
function tandemUpdater(source: TandemProcess, downloader: TandemProcess): Updater {
  const sentBytes = (): Promise<number> => readMetric(source, 'tandem_peer_sent_bytes_total')
  let earlier: string | undefined
  const update = async (file: FileFixture): Promise<Fetched> => {
    using api = apiOf(downloader)
    const sentBefore = await sentBytes()
    let placed = ''
    const seconds = await secondsOf(async () => {
      placed = (await downloadToEnd(api, { name: file.name })).path
    })
    const bytes = (await sentBytes()) - sentBefore
    await checkFile(file, placed)
    if (earlier !== undefined) await rm(earlier)
    earlier = placed
    await copiesKnown(downloader, 1)
    return { seconds, bytes }
  }
  return { name: tandem, update }
}

async function updateFrom(
  port: number,
  { mirror, words, file }: { mirror: string; words: readonly string[]; file: FileFixture },
): Promise<Fetched> {
  let bytes = 0
  const seconds = await secondsOf(async () => {
    bytes = await updateWithRsync(port, mirror, words)
  })
  await checkFile(file, join(mirror, file.name))
  return { seconds, bytes }
}
