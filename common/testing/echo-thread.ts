import { answerCalls } from '../answer-calls.ts'

answerCalls<string, string>((text) => {
  if (text === 'throw') throw new Error('asked to')
  return { reply: `${text}!` }
})
