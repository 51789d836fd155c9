/** BitTorrent: aria2 on every host, and opentracker, through which they find each other. */
import { access, chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import type { FileFixture } from '../../common/testing/fixtures.ts'
import { checkFile } from '../system/check-file.ts'
import type { ProcessHost } from '../system/process-host.ts'
import { pathOf } from './anchor-programs.ts'
import { secondsOf } from './interleaved.ts'
import { startListening } from './outside-process.ts'
import { torrentOfFile } from './torrent.ts'

const trackerPort = 6_969
const peerPort = 6_881
const endDeadlineMs = 120_000
const lookEveryMs = 10
/** Exists beside a complete file while this runs. */
const completedMark = '.complete'
/**
 * From the start of the source to the downloads: it checks its file and registers at the tracker.
 */
const settleMs = 2_000

export interface TorrentOptions {
  readonly tracker: ProcessHost
  readonly source: ProcessHost
  readonly downloaders: readonly ProcessHost[]
  /** Folder for all output. */
  readonly folder: string
}

/**
 * All downloaders fetch the file at the same time; returns the seconds until the last one has it.
 */
export async function swarmByBitTorrent(
  original: FileFixture,
  { tracker, source, downloaders, folder }: TorrentOptions,
): Promise<number> {
  await using started = new AsyncDisposableStack()
  const torrent = join(folder, 'file.torrent')
  const url = `http://${tracker.address}:${trackerPort}/announce`
  await mkdir(folder)
  started.defer(() => rm(folder, { recursive: true }))
  const { metainfo, infoHash } = await torrentOfFile(original, url)
  await writeFile(torrent, metainfo)
  started.use(await startTracker(tracker, infoHash, folder))
  started.use(await startAria2(source, [`--dir=${dirname(original.path)}`, torrent]))
  await systemClock.sleep(settleMs)
  const hook = await completionHook(folder)
  const folders = downloaders.map((_, number) => join(folder, `downloader${number}`))
  const seconds = await secondsOf(async () => {
    await Promise.all(
      downloaders.map(async (host, number) => {
        const own = folders[number] ?? ''
        const words = [`--dir=${own}`, `--on-bt-download-complete=${hook}`, torrent]
        started.use(await startAria2(host, words))
        await completed(join(own, original.name))
      }),
    )
  })
  for (const each of folders) await checkFile(original, join(each, original.name))
  return seconds
}

/**
 * Debian's build serves only the swarms of its whitelist, which it reads as an unprivileged user:
 * never as root.
 */
async function startTracker(
  host: ProcessHost,
  infoHash: string,
  folder: string,
): Promise<AsyncDisposable> {
  const port = String(trackerPort)
  const whitelist = join(folder, 'whitelist')
  await writeFile(whitelist, `${infoHash}\n`)
  await chmod(dirname(folder), 0o755)
  const words = ['-i', host.address, '-p', port, '-P', port, '-w', whitelist]
  return await startListening(pathOf('opentracker'), words, { port: trackerPort, host })
}

/** Downloads the missing files, and uploads until disposed. */
async function startAria2(host: ProcessHost, own: readonly string[]): Promise<AsyncDisposable> {
  const words = [
    '--no-conf',
    '--quiet',
    '--check-integrity',
    '--file-allocation=none',
    '--enable-dht=false',
    '--enable-dht6=false',
    '--bt-enable-lpd=false',
    '--enable-peer-exchange=true',
    '--seed-ratio=0.0',
    '--allow-overwrite=true',
    `--listen-port=${peerPort}`,
    ...own,
  ]
  return await startListening(pathOf('aria2c'), words, { port: peerPort, host })
}

/** A program that aria2 calls when a file is complete: its own record of that is a minute late. */
async function completionHook(folder: string): Promise<string> {
  const path = join(folder, 'completed.sh')
  await writeFile(path, `#!/bin/sh\n: > "$3${completedMark}"\n`, { mode: 0o755 })
  return path
}

/** Resolves when the hook was called for the file at `path`. @throws AppError DEADLINE_EXCEEDED */
async function completed(path: string): Promise<void> {
  const deadline = { what: 'The BitTorrent download', deadlineMs: endDeadlineMs }
  const isMarked = (): Promise<boolean> =>
    access(`${path}${completedMark}`).then(
      () => true,
      () => false,
    )
  await withDeadline(deadline, systemClock, async (signal) => {
    while (!(await isMarked())) await systemClock.sleep(lookEveryMs, signal)
  })
}
