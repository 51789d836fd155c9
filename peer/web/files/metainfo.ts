/** Torrents (BEP 3, version 1: aria2 knows no other) with web seeds (BEP 19). Pure. */
import { createHash } from 'node:crypto'
import { chunkBytesFor } from '../../../common/content/chunks.ts'

export type Bencoded =
  | string
  | number
  | Buffer
  | readonly Bencoded[]
  | { readonly [key: string]: Bencoded }

export interface TorrentFile {
  /** Without folders. */
  readonly name: string
  readonly size: number
  /** The SHA-1 of each piece, which is as large as a chunk. */
  readonly pieces: Buffer
}

export interface Torrent {
  readonly metainfo: Buffer
  /** Identifies the swarm, in hex. */
  readonly infoHash: string
}

export function torrentOf(
  { name, size, pieces }: TorrentFile,
  { announceUrl, webSeeds = [] }: { announceUrl?: string; webSeeds?: readonly string[] },
): Torrent {
  const info = { length: size, name, 'piece length': chunkBytesFor(size), pieces }
  const metainfo = {
    ...(announceUrl !== undefined && { announce: announceUrl }),
    info,
    ...(webSeeds.length > 0 && { 'url-list': webSeeds }),
  }
  return {
    metainfo: bencode(metainfo),
    infoHash: createHash('sha1').update(bencode(info)).digest('hex'),
  }
}

/** Of a SHA-1. */
export const pieceHashBytes = 20

/** Takes the bytes of a content in order, and hashes its pieces. */
export class PieceHasher {
  readonly #pieceBytes: number
  readonly #pieces: Buffer[] = []
  #hash = createHash('sha1')
  #filled = 0

  constructor(size: number) {
    this.#pieceBytes = chunkBytesFor(size)
  }

  update(bytes: Uint8Array): void {
    for (let start = 0; start < bytes.length; ) {
      const part = bytes.subarray(start, start + this.#pieceBytes - this.#filled)
      this.#hash.update(part)
      this.#filled += part.length
      start += part.length
      if (this.#filled === this.#pieceBytes) this.#endPiece()
    }
  }

  /** The hashes, each of {@link pieceHashBytes}. */
  finish(): Buffer {
    if (this.#filled > 0) this.#endPiece()
    return Buffer.concat(this.#pieces)
  }

  #endPiece(): void {
    this.#pieces.push(this.#hash.digest())
    this.#hash = createHash('sha1')
    this.#filled = 0
  }
}

/** Keys must be given in sorted order, as the format requires. */
export function bencode(value: Bencoded): Buffer {
  if (typeof value === 'number') return Buffer.from(`i${value}e`)
  if (typeof value === 'string') return bencode(Buffer.from(value))
  if (Buffer.isBuffer(value)) return Buffer.concat([Buffer.from(`${value.length}:`), value])
  if (Array.isArray(value)) return wrapped('l', value.map(bencode))
  return wrapped(
    'd',
    Object.entries(value).flatMap(([key, each]) => [bencode(key), bencode(each)]),
  )
}

function wrapped(kind: 'l' | 'd', parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(kind), ...parts, Buffer.from('e')])
}
