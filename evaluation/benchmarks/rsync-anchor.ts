import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { pathOf } from './anchor-programs.ts'
import { runToEnd, startListening } from './outside-process.ts'

/** Starts an rsync daemon that serves the files of `root`; its own files are in `folder`. */
export async function startRsyncDaemon(
  root: string,
  { folder, port }: { folder: string; port: number },
): Promise<AsyncDisposable> {
  const config = join(folder, 'rsyncd.conf')
  // Without the user, a daemon started by root switches to one that may not read the folder.
  const lines = ['use chroot = no', `uid = ${userInfo().uid}`, '[files]', `path = ${root}`, '']
  await writeFile(config, lines.join('\n'))
  const words = ['--daemon', '--no-detach', `--config=${config}`, '--address=127.0.0.1']
  return await startListening(pathOf('rsync'), [...words, `--port=${port}`], { port })
}

/**
 * Fetches all files of the daemon into `folder`. rsync verifies each by its hash, and flushes none.
 */
export async function fetchWithRsync(port: number, folder: string): Promise<void> {
  const from = `rsync://127.0.0.1:${port}/files/`
  await runToEnd(pathOf('rsync'), ['--recursive', '--times', from, folder])
}

/**
 * Updates the files of `folder` from the daemon's, by sending only differences; flushes them.
 * @param words further options
 * @returns the bytes sent and received
 */
export async function updateWithRsync(
  port: number,
  folder: string,
  words: readonly string[],
): Promise<number> {
  const from = `rsync://127.0.0.1:${port}/files/`
  // Its quick check takes a file of the same size and second for unchanged.
  const options = ['--recursive', '--times', '--ignore-times', '--fsync', '--stats', ...words]
  const output = await runToEnd(pathOf('rsync'), [...options, from, folder])
  const counts = [...output.matchAll(/^Total bytes (?:sent|received): ([\d,]+)$/gm)]
  assert.equal(counts.length, 2, output)
  return counts.reduce((sum, [, count = '']) => sum + Number(count.replaceAll(',', '')), 0)
}
