import { AppError, reasonOf, systemErrorCode } from './errors.ts'

/** The attempted action, for the error's sentence. */
export interface DiskAction {
  /** As in "Cannot {action} '/some/path'". */
  readonly action: string
  readonly path: string
  readonly neededBytes: number
}

/**
 * The operational error for an error of a file system call: DISK_FULL or DISK_FAILED; an AppError
 * is returned unchanged.
 */
export function diskError({ action, path, neededBytes }: DiskAction, error: unknown): AppError {
  if (error instanceof AppError) return error
  const code = systemErrorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('DISK_FULL', { path, neededBytes }, { cause: error })
  return new AppError('DISK_FAILED', { action, path, reason: reasonOf(error) }, { cause: error })
}

/** Codes of file systems that cannot store a name, such as FAT for `what?`. */
const nameCodes: ReadonlySet<string | undefined> = new Set(['EINVAL', 'EILSEQ', 'ENAMETOOLONG'])

/**
 * The error for a failed creation of an entry: NAME_UNSUPPORTED if the name is the cause, otherwise
 * the error itself.
 * @param otherCodes further codes that the caller knows to be caused by the name
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
