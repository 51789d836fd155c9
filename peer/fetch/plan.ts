/** What to ask of a source next: policy, without any state of its own. */
import type { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkBytesFor, chunkCountFor } from '../../common/content/chunks.ts'
import { limits } from '../../common/limits.ts'

/**
 * The chunk to ask for next, or undefined when all are taken: in order, because a source reads its
 * disk ahead and the content's hash is computed from the front.
 * @param taken the chunks that are verified or asked for
 */
export function nextChunk(taken: ChunkSet): number | undefined {
  return taken.firstMissing()
}

/** How many chunks of a content of `size` bytes to ask for at once: as many as fit the window, at least one. */
export function readsInFlightFor(size: number): number {
  const windowChunks = Math.floor(limits.fetchWindowBytes / chunkBytesFor(size))
  return Math.min(chunkCountFor(size), Math.max(1, windowChunks))
}
