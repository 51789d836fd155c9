// Plain JavaScript, because every thread loads it: the compiler that strips types costs each of them 25 MB.
import { parentPort } from 'node:worker_threads'

/**
 * Makes the script that calls this answer the calls of its `Thread`. What `answer` throws fails its call
 * alone, with the code and message of the error.
 * @template Request, Reply
 * @param {(request: Request) => import('./thread.ts').ThreadAnswer<Reply>} answer
 */
export function answerCalls(answer) {
  parentPort?.on('message', (/** @type {Request} */ request) => {
    try {
      const { reply, transfer = [] } = answer(request)
      parentPort?.postMessage({ reply }, transfer)
    } catch (error) {
      // An error that is posted as such loses its code.
      const { code, message } = /** @type {NodeJS.ErrnoException} */ (error)
      parentPort?.postMessage({ failure: { code, message } })
    }
  })
}
