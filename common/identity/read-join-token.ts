import { readFile } from 'node:fs/promises'
import { AppError, systemErrorCode } from '../errors.ts'
import { type JoinToken, parseJoinToken } from './join-token.ts'

/** The join token in a file. @throws AppError DISK_FAILED if there is no file, JOIN_TOKEN_INVALID if it has none yet */
export async function readJoinToken(path: string): Promise<JoinToken> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw systemErrorCode(error) === 'ENOENT'
      ? new AppError('DISK_FAILED', { action: 'read', path, reason: 'it does not exist' })
      : error
  })
  const token = parseJoinToken(text)
  if (token === undefined) throw new AppError('JOIN_TOKEN_INVALID')
  return token
}
