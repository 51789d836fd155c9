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

/** The limits set manually in earlier runs; none if the file is unreadable or invalid. */
export async function readLimitChanges(path: string, log: Log): Promise<LimitChanges> {
  try {
    const remembered: unknown = JSON.parse(await readFile(path, 'utf8'))
    if (Value.Check(Remembered, remembered))
      return Value.Clean(Remembered, remembered) as LimitChanges
    log.warn({ path }, 'discarding manual limits: the file is invalid')
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT')
      log.warn({ path, reason: reasonOf(error) }, 'cannot read manual limits')
  }
  return {}
}

/** Stores them for the next run, atomically. @throws AppError DISK_FULL, DISK_FAILED */
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
