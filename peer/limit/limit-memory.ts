import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { diskError } from '../../common/disk-error.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import { LimitValues } from '../api/shapes.ts'
import type { LimitChanges } from './limit-schedule.ts'

const Remembered = Type.Partial(LimitValues)

/** The limits that were changed by hand in earlier runs; none if they cannot be read or are no limits. */
export async function readLimitChanges(path: string, log: Log): Promise<LimitChanges> {
  try {
    const remembered: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (Value.Check(Remembered, remembered))
      return Value.Clean(Remembered, remembered) as LimitChanges
    log.warn({ path }, 'the limits set by hand are forgotten: the file does not hold limits')
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT')
      log.warn({ path, reason: reasonOf(error) }, 'the limits set by hand cannot be read')
  }
  return {}
}

/** Keeps them for the next run, whole or not at all. @throws AppError DISK_FULL, DISK_FAILED */
export async function writeLimitChanges(path: string, changes: LimitChanges): Promise<void> {
  const text = JSON.stringify(changes)
  const beside = `${path}.new`
  try {
    await mkdir(dirname(path), { recursive: true })
    {
      await using file = await open(beside, 'w')
      await file.writeFile(text)
      await file.sync()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw diskError({ action: 'write', path, neededBytes: text.length }, error)
  }
}
