import { parentPort } from 'node:worker_threads'

/** What a script that runs in a thread answers to one call: the reply, and its buffers that leave with it. */
export interface ThreadAnswer<Reply> {
  readonly reply: Reply
  readonly transfer?: ArrayBuffer[]
}

/** Makes the script that calls this the other end of a `ThreadCaller`. What `answer` throws ends the thread. */
export function answerCalls<Request, Reply>(
  answer: (request: Request) => ThreadAnswer<Reply>,
): void {
  parentPort?.on('message', (request: Request) => {
    const { reply, transfer = [] } = answer(request)
    parentPort?.postMessage(reply, transfer)
  })
}
