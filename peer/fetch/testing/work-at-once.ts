import type { ChunkWorker, ChunkWorkers } from '../chunk-threads.ts'
import { ChunkWork } from '../chunk-work.js'

/** Does the work of threads at once, in the one thread that a fake clock knows. */
export function workAtOnce(): ChunkWorkers {
  const work = new ChunkWork()
  const worker: ChunkWorker = {
    // Memory is gone for whoever sent it, as what was sent to a thread is.
    check: async (chunk) => work.check({ ...chunk, memory: chunk.memory.transfer() }),
    hashPiece: async (piece) => work.hashPiece({ ...piece, memory: piece.memory.transfer() }),
    hashOn: async (part) => work.hashOn(part),
    endHash: async (path) => work.endHash(path),
  }
  return { leastBusy: () => worker }
}
