import { createHash } from 'node:crypto'
import { chunkCountFor, chunkRange, chunkRootOf } from '../content/chunks.ts'
import type { Content } from '../protocol/messages.ts'
import { seededRandom } from '../random.ts'

export interface TestContent {
  readonly bytes: Buffer
  readonly content: Content
  readonly chunkList: Buffer
}

/** A content of `size` bytes, the same for the same seed. */
export function aContent(size: number, seed = 'content'): TestContent {
  return contentOf(seededRandom(`${seed} ${size}`).bytes(size))
}

/** Identifies and verifies `bytes`. */
export function contentOf(bytes: Buffer): TestContent {
  const size = bytes.length
  const chunkList = Buffer.concat(
    Array.from({ length: chunkCountFor(size) }, (_, chunk) => sha256Of(chunkOf(bytes, chunk))),
  )
  const sha256 = sha256Of(bytes).toString('hex')
  return { bytes, chunkList, content: { sha256, size, chunkRoot: chunkRootOf(chunkList) } }
}

/** The bytes of one chunk of the content `bytes`. */
export function chunkOf(bytes: Buffer, chunk: number): Buffer {
  const range = chunkRange(bytes.length, chunk)
  return bytes.subarray(range.start, range.start + range.bytes)
}

function sha256Of(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest()
}
