import { createReadStream } from 'node:fs'
import { chunkBytesFor } from '../../common/content/chunks.ts'
import type { FileFixture } from '../../common/testing/fixtures.ts'
import { PieceHasher, type Torrent, torrentOf } from '../../peer/web/files/metainfo.ts'

/** A torrent of a file, whose pieces are as large as Tandem's chunks. */
export async function torrentOfFile(file: FileFixture, announceUrl: string): Promise<Torrent> {
  const hasher = new PieceHasher(file.size)
  for await (const piece of createReadStream(file.path, {
    highWaterMark: chunkBytesFor(file.size),
  }))
    hasher.update(piece as Buffer)
  return torrentOf({ ...file, pieces: hasher.finish() }, { announceUrl })
}
