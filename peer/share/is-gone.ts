import { systemErrorCode } from '../../common/errors.ts'

/** Whether a file system call failed because the file does not exist. */
export function isGone(error: unknown): boolean {
  const code = systemErrorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP'
}
