import { expect, test } from 'vitest'
import { commandAgent } from '../api/command-agent.ts'
import { apiCallerOf, byItselfHeader } from './api-caller.ts'

const browser = { 'user-agent': 'Mozilla/5.0', 'sec-fetch-mode': 'cors' }

test.each([
  [browser, 'page'],
  [{ 'user-agent': commandAgent }, 'command'],
  [{ 'user-agent': 'curl/8.14' }, 'program'],
  [{ ...browser, [byItselfHeader]: '1' }, 'none'],
])('%o is by %s', (headers, caller) => {
  expect(apiCallerOf(headers)).toBe(caller)
})
