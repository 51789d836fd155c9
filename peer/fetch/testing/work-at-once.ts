import type { ChunkWorker, ChunkWorkers } from '../disk/chunk-threads.ts'
import { ChunkWork } from '../disk/chunk-work.js'

/** Does the work of threads immediately, in the one thread that a fake clock knows. */
export function workAtOnce(): ChunkWorkers {
  const work = new ChunkWork()
  const worker: ChunkWorker = {
    check: async (chunk) => work.check(chunk),
    hashPieces: async (pieces) => work.hashPieces(pieces),
    hashOn: async (part) => work.hashOn(part),
    endHash: async (path) => work.endHash(path),
  }
  return { leastBusy: () => worker }
}
