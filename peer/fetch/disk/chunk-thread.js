// What runs in each thread of chunk-threads.ts.
import { parentPort } from 'node:worker_threads'
import { ChunkWork } from './chunk-work.js'

const work = new ChunkWork()

parentPort?.on('message', (/** @type {import('./chunk-threads.ts').ThreadRequest} */ request) => {
  const { id, part, given } = request
  try {
    const result = work[part](/** @type {never} */ (given))
    parentPort?.postMessage({ id, result })
  } catch (error) {
    // Of an error as such the code would be lost on the way.
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error)
    parentPort?.postMessage({ id, failure: { code, message } })
  }
})
