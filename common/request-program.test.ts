import { expect, test } from 'vitest'
import { isInPlainText, requestProgram } from './request-program.ts'

test.each([
  ['http://192.0.2.9:9000', true],
  ['http://files.example', true],
  ['http://[2001:db8::9]:9000', true],
  ['http://127.0.0.1:9000', false],
  ['http://localhost:9000', false],
  ['http://[::1]:9000', false],
  ['https://192.0.2.9:9000', false],
])('names sent to %s are in plain text on a network: %j', (url, expected) => {
  expect(isInPlainText(new URL(url))).toBe(expected)
})

test('a process of a secured cluster sends nothing in plain text', () => {
  const identity = { credentials: { key: '', cert: '', ca: [] } }
  expect(() => requestProgram(new URL('http://192.0.2.9:9000/x'), {}, identity)).toThrow(
    'it speaks plain HTTP, and the cluster is secured',
  )
})
