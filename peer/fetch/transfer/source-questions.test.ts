import { expect, onTestFinished, test } from 'vitest'
import { limits } from '../../../common/limits.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import { seededRandom } from '../../../common/random.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { SourceQuestions, swarmQuestionMs } from './source-questions.ts'

const many = { usable: 2, chunksMissing: limits.readsPerSourceMin + 1 }
const none = { ...many, usable: 0 }

/** Questions of one fetch, which the test answers, and the sources found. */
function asking(waits: boolean) {
  const clock = new FakeClock()
  const answers: PromiseWithResolvers<readonly Source[]>[] = []
  const found: Source[] = []
  const moreSources = (): Promise<readonly Source[]> => {
    const answer = Promise.withResolvers<readonly Source[]>()
    answers.push(answer)
    return answer.promise
  }
  const onAnswer = (sources: readonly Source[]): void => void found.push(...sources)
  const { signal } = new AbortController()
  const questions = new SourceQuestions(
    { moreSources, waits, signal, onAnswer },
    { clock, random: seededRandom('questions') },
  )
  onTestFinished(() => questions[Symbol.dispose]())
  return { clock, answers, found, questions }
}

test('a fetch without sources asks immediately, one question at a time', async () => {
  const { questions, answers, found } = asking(false)
  expect(questions.isFirstOpen).toBe(true)
  const asked = questions.ask(none)
  expect([questions.isAsking, questions.isFirstOpen]).toEqual([true, true])
  expect(questions.ask(none)).toBe(undefined)
  const source: Source = { peerId: 'p1', host: 'h', port: 1, kind: 'shared' }
  answers[0]?.resolve([source])
  await asked
  expect(found).toEqual([source])
  expect([questions.isAsking, questions.isFirstOpen]).toEqual([false, false])
})

test.each([
  [false, 1],
  [true, 4],
])('if it waits: %s, it asks %i times in 10 s while no source is found', async (waits, count) => {
  const { clock, questions, answers } = asking(waits)
  for (let passedMs = 0; passedMs < 10_000; passedMs += 100) {
    const asked = questions.ask({ ...none, chunksMissing: 0 })
    answers.at(-1)?.resolve([])
    await asked
    await clock.advance(100)
  }
  expect(answers.length).toBe(count)
})

test('a question that fails says why, until one is answered', async () => {
  const { clock, questions, answers } = asking(true)
  const first = questions.ask(none)
  answers[0]?.reject(new Error('no index'))
  await first
  expect(questions.failure).toContain('no index')
  await clock.advance(2_000)
  const second = questions.ask(none)
  answers[1]?.resolve([])
  await second
  expect(questions.failure).toBe(undefined)
})

test('others that fetch the same are asked for after a moment, if much is missing', async () => {
  const { clock, questions } = asking(false)
  expect(questions.ask(many)).toBe(undefined)
  expect(questions.dueInMs).toBe(swarmQuestionMs)
  await clock.advance(swarmQuestionMs)
  expect(questions.dueInMs).toBe(0)
  expect(questions.ask({ ...many, chunksMissing: limits.readsPerSourceMin })).toBe(undefined)
  expect(questions.ask({ ...many, usable: limits.sourcesPerFetchMax })).toBe(undefined)
  expect(questions.ask(many)).not.toBe(undefined)
  expect(questions.dueInMs).toBeGreaterThan(0)
})
