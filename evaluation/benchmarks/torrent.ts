import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { chunkBytesFor } from '../../common/content/chunks.ts'
import type { FileFixture } from '../../common/testing/fixtures.ts'

type Bencoded = string | number | Buffer | { readonly [key: string]: Bencoded }

export interface Torrent {
  /** The metainfo file (BEP 3). */
  readonly metainfo: Buffer
  /** Identifies the swarm, in hex. */
  readonly infoHash: string
}

/** A torrent whose pieces are as large as Tandem's chunks. */
export async function torrentOf(file: FileFixture, announceUrl: string): Promise<Torrent> {
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
  const infoHash = createHash('sha1').update(bencode(info)).digest('hex')
  return { metainfo: bencode({ announce: announceUrl, info }), infoHash }
}

/** Keys must be given in sorted order, as the format requires. */
export function bencode(value: Bencoded): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`)
  if (typeof value === 'string') return bencode(Buffer.from(value))
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  const entries = Object.entries(value).flatMap(([key, each]) => [bencode(key), bencode(each)])
  return Buffer.concat([Buffer.from('d'), ...entries, Buffer.from('e')])
}
