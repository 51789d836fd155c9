import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chunkBytesFor } from '../../common/content/chunks.ts'
import type { FileFixture } from '../../common/testing/fixtures.ts'

type Bencoded = string | number | Buffer | { readonly [key: string]: Bencoded }

/** A BitTorrent metainfo file (BEP 3) with pieces as large as Tandem's chunks. */
export async function torrentOf(file: FileFixture, announceUrl: string): Promise<Buffer> {
  const pieceBytes = chunkBytesFor(file.size)
  const pieces: Buffer[] = []
  for await (const piece of createReadStream(file.path, { highWaterMark: pieceBytes }))
    pieces.push(
      createHash('sha1')
        .update(piece as Buffer)
        .digest(),
    )
  const info = {
    length: file.size,
    name: file.name,
    'piece length': pieceBytes,
    pieces: Buffer.concat(pieces),
  }
  return bencode({ announce: announceUrl, info })
}

/** Keys must be given in order, as the format wants them. */
export function bencode(value: Bencoded): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`)
  if (typeof value === 'string') return bencode(Buffer.from(value))
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  const entries = Object.entries(value).flatMap(([key, each]) => [bencode(key), bencode(each)])
  return Buffer.concat([Buffer.from('d'), ...entries, Buffer.from('e')])
}
