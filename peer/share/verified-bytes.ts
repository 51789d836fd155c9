import { type ByteRange, chunkBytesFor, chunkHashAt } from '../../common/content/chunks.ts'
import { sha256 } from '../../common/content/hash.ts'
import { AppError } from '../../common/errors.ts'
import { openInside } from '../../common/inside.ts'
import type { CatalogFile } from './entry.ts'

/**
 * Bytes of a file, each after its chunk was read and had its hash.
 * @throws AppError CONTENT_CHANGED if one has not; errors of the disk
 */
export async function* verifiedBytes(
  { at, content }: Pick<CatalogFile, 'at' | 'content'>,
  chunkList: Uint8Array,
  { start, bytes }: ByteRange,
): AsyncGenerator<Uint8Array> {
  await using handle = await openInside(at)
  const chunkBytes = chunkBytesFor(content.size)
  const end = start + bytes
  for (let index = Math.floor(start / chunkBytes); index * chunkBytes < end; index += 1) {
    const chunkStart = index * chunkBytes
    const length = Math.min(chunkBytes, content.size - chunkStart)
    const chunk = Buffer.allocUnsafeSlow(length)
    const { bytesRead } = await handle.read(chunk, 0, length, chunkStart)
    if (bytesRead < length || !(await sha256(chunk)).equals(chunkHashAt(chunkList, index)))
      throw new AppError('CONTENT_CHANGED', { name: at.name })
    yield chunk.subarray(Math.max(0, start - chunkStart), end - chunkStart)
  }
}
