import { AppError, reasonOf, systemErrorCode } from './errors.ts'

/** What was being done, for the error's sentence. */
export interface DiskAction {
  /** As in "Cannot {action} '/some/path'". */
  readonly action: string
  readonly path: string
  readonly neededBytes: number
}

/** The operating error for what a file system call threw: DISK_FULL or DISK_FAILED; an AppError stays itself. */
export function diskError({ action, path, neededBytes }: DiskAction, error: unknown): AppError {
  if (error instanceof AppError) return error
  const code = systemErrorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('DISK_FULL', { path, neededBytes }, { cause: error })
  return new AppError('DISK_FAILED', { action, path, reason: reasonOf(error) }, { cause: error })
}

/** What file systems say of a name that they cannot hold, such as FAT of `what?`. */
const nameCodes: ReadonlySet<string | undefined> = new Set(['EINVAL', 'EILSEQ', 'ENAMETOOLONG'])

/**
 * The error for what creating an entry threw: NAME_UNSUPPORTED if the name is to blame, else what was thrown.
 * @param otherCodes what blames the name, too, as far as the caller knows
 */
export function nameRefused(
  { name, path }: { name: string; path: string },
  error: unknown,
  otherCodes: readonly string[] = [],
): unknown {
  const code = systemErrorCode(error)
  if (code === undefined || !(nameCodes.has(code) || otherCodes.includes(code))) return error
  return new AppError('NAME_UNSUPPORTED', { name, path, reason: code }, { cause: error })
}
