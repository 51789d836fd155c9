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
