/**
 * Chunk arithmetic: the only place that converts between a content's size, chunk indexes (from 0)
 * and byte ranges.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { limits } from '../limits.ts'

/** Bytes in a SHA-256. */
export const hashBytes = 32

/** The chunk size of a content of `size` bytes: 1 MiB, doubled until at most 16,384 chunks are needed. */
export function chunkBytesFor(size: number): number {
  assert(Number.isSafeInteger(size) && size >= 0 && size <= limits.contentBytesMax)
  let chunkBytes: number = limits.chunkBytesMin
  while (chunkBytes * limits.chunksMax < size) chunkBytes *= 2
  return chunkBytes
}

/** The number of chunks of a content. An empty content has one empty chunk. */
export function chunkCountFor(size: number): number {
  return Math.max(1, Math.ceil(size / chunkBytesFor(size)))
}

export interface ByteRange {
  /** Position of the first byte in the content. */
  readonly start: number
  readonly bytes: number
}

/**
 * The byte range of `count` chunks from chunk `index` in a content of `size` bytes; `count` must
 * fit.
 */
export function chunkRange(size: number, index: number, count = 1): ByteRange {
  assert(index >= 0 && count >= 1 && index + count <= chunkCountFor(size))
  const chunkBytes = chunkBytesFor(size)
  const start = index * chunkBytes
  return { start, bytes: Math.min(size, start + count * chunkBytes) - start }
}

/**
 * The chunk root of a chunk list (the chunks' SHA-256 in order, 32 bytes each): the hash of the
 * list or, for a single chunk, that chunk's own hash, which is the content's.
 */
export function chunkRootOf(chunkList: Uint8Array): string {
  assert(chunkList.byteLength > 0 && chunkList.byteLength % hashBytes === 0)
  if (chunkList.byteLength === hashBytes) return Buffer.from(chunkList).toString('hex')
  return createHash('sha256').update(chunkList).digest('hex')
}

/**
 * Whether the chunks of a content are unlisted: it has several, and its own hash stands for the chunk
 * root, because only a program has it, which knows of no chunks. Its SHA-256 alone proves it.
 */
export function isUnlisted(content: { sha256: string; size: number; chunkRoot: string }): boolean {
  return content.chunkRoot === content.sha256 && chunkCountFor(content.size) > 1
}

/** The hash of chunk `index` in the chunk list. */
export function chunkHashAt(chunkList: Uint8Array, index: number): Uint8Array {
  assert((index + 1) * hashBytes <= chunkList.byteLength)
  return chunkList.subarray(index * hashBytes, (index + 1) * hashBytes)
}
