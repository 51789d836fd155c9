import { expect, test } from 'vitest'
import { originOf } from './mirrors.ts'

test.each([
  ['127.0.0.1:8100', 'http://127.0.0.1:8100'],
  ['127.0.0.1', 'http://127.0.0.1:8100'],
  ['[::1]', 'http://[::1]:8100'],
  ['[::1]:80', 'http://[::1]:80'],
  ['localhost', 'http://localhost:8100'],
  ['files.example', 'http://files.example'],
  ['files.example:81', 'http://files.example:81'],
])('a client that asks %s reached %s', (host, origin) => {
  expect(originOf({ host, localPort: 8_100, protocol: 'http' })).toBe(origin)
  const secure = origin.replace('http:', 'https:')
  expect(originOf({ host, localPort: 8_100, protocol: 'https' })).toBe(secure)
})
