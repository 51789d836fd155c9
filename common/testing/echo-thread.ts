import { parentPort } from 'node:worker_threads'
import { answerCalls } from '../thread/answer-calls.js'

answerCalls<string, string>((text) => {
  if (text === 'throw') throw Object.assign(new Error('asked to'), { code: 'EASKED' })
  if (text === 'end') parentPort?.close()
  return { reply: `${text}!` }
})
