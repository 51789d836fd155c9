/** Builders of test data; the same seed gives the same bytes. */
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { limits } from '../limits.ts'
import { seededRandom } from '../random.ts'

export interface FileFixture {
  readonly path: string
  readonly name: string
  readonly sha256: string
  readonly size: number
}

/**
 * Writes a file of `bytes` (default 1 KiB) random bytes as `name` into `folder`, seeded by its
 * name.
 */
export async function aFile(
  folder: string,
  name: string,
  { bytes = 1024, seed = name }: { readonly bytes?: number; readonly seed?: string } = {},
): Promise<FileFixture> {
  const path = join(folder, name)
  const hash = createHash('sha256')
  await mkdir(dirname(path), { recursive: true })
  await writeFile(
    path,
    pieces(bytes, seed, (piece) => hash.update(piece)),
  )
  return { path, name, sha256: hash.digest('hex'), size: bytes }
}

function* pieces(bytes: number, seed: string, onPiece: (piece: Buffer) => void): Generator<Buffer> {
  const random = seededRandom(seed)
  for (let made = 0; made < bytes; made += limits.diskReadBytes) {
    const piece = random.bytes(Math.min(limits.diskReadBytes, bytes - made))
    onPiece(piece)
    yield piece
  }
}
