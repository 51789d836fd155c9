import { hashFile } from '../../common/content/hash.ts'
import { AppError } from '../../common/errors.ts'

/** A file and the SHA-256 of its original. */
export interface Original {
  readonly name: string
  readonly sha256: string
}

/** @throws AppError HASH_MISMATCH if the file at `path` differs from the original */
export async function checkFile({ name, sha256 }: Original, path: string): Promise<void> {
  const { content } = await hashFile(path)
  if (content.sha256 !== sha256) throw new AppError('HASH_MISMATCH', { source: path, what: name })
}
