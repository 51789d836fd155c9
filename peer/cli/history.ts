import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'

/** A longer line is not kept; the longest command has one quoted name. */
export const historyLineCharactersMax = 4_096

/** The lines typed in earlier runs, newest first, as readline expects; none if the file is unreadable. */
export async function readHistory(path: string, log: Log): Promise<string[]> {
  try {
    const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '')
    return lines.slice(0, limits.historyLinesMax)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT')
      log.warn({ path, reason: reasonOf(error) }, 'cannot read the history')
    return []
  }
}

/**
 * Stores the lines for the next run, atomically and readable by their owner only. A failure is only
 * logged, so as not to disturb the user.
 */
export async function writeHistory(
  path: string,
  lines: readonly string[],
  log: Log,
): Promise<void> {
  const kept = lines
    .filter((line) => line.length <= historyLineCharactersMax)
    .slice(0, limits.historyLinesMax)
  const beside = `${path}.new`
  try {
    await mkdir(dirname(path), { recursive: true })
    await writeFile(beside, kept.map((line) => `${line}\n`).join(''), { mode: 0o600 })
    // A file left by a crash may have another mode.
    await chmod(beside, 0o600)
    await rename(beside, path)
  } catch (error) {
    log.warn({ path, reason: reasonOf(error) }, 'cannot write the history')
    await rm(beside, { force: true }).catch(() => {})
  }
}
