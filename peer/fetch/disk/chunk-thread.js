// What runs in each thread of chunk-threads.ts.
import { answerCalls } from '../../../common/thread/answer-calls.js'
import { ChunkWork } from './chunk-work.js'

const work = new ChunkWork()

answerCalls((/** @type {import('./chunk-threads.ts').ThreadRequest} */ { part, given }) => ({
  reply: work[part](/** @type {never} */ (given)),
}))
