import { AppError, hasCode } from '../../common/errors.ts'
import { isSha256 } from '../../common/ids.ts'
import type { PeerApi } from '../api/calls.ts'

/** What a user named: a file, a folder or a pattern; and which content of the file, if that was said. */
export interface Wanted {
  readonly name: string
  readonly sha256?: string | undefined
}

/**
 * Of a SHA-256 instead of a name, the content that it stands for and a name of it. A file that is
 * called like that is meant only if no content has that hash.
 * @throws AppError CONTENT_NOT_FOUND if neither exists, INDEX_UNREACHABLE
 */
export async function wantedOf(
  { name, sha256 }: Wanted,
  api: Pick<PeerApi, 'findContent' | 'lookup'>,
  signal: AbortSignal,
): Promise<Wanted> {
  const hash = name.toLowerCase()
  if (sha256 !== undefined || !isSha256(hash)) return { name, sha256 }
  try {
    return await api.findContent({ sha256: hash }, signal)
  } catch (error) {
    if (!hasCode(error, 'CONTENT_NOT_FOUND')) throw error
    const isName = await api.lookup({ name }, signal).catch((failure: unknown) => {
      if (!hasCode(failure, 'NAME_NOT_FOUND')) throw failure
    })
    if (isName === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256: hash })
    return { name }
  }
}
