import { expect, test } from 'vitest'
import { originForm } from './request-target.ts'

test.each([
  ['/a?b', 'here', '/a?b', 'here'],
  ['http://there:81/a/http://x', 'here', '/a/http://x', 'there:81'],
  ['HTTPS://there?b', 'here', '/?b', 'there'],
  ['http://there', 'here', '/', 'there'],
  ['/http://there/a', 'here', '/http://there/a', 'here'],
  ['*', 'here', '*', 'here'],
])('%s at %s is %s at %s', (url, host, path, expectedHost) => {
  const headers = { host }
  expect(originForm({ url, headers, rawHeaders: ['Host', host] })).toBe(path)
  expect(headers.host).toBe(expectedHost)
})

test('a request for two hosts is for none', () => {
  const headers = { host: 'here' }
  originForm({ url: '/', headers, rawHeaders: ['Host', 'here', 'x', 'host', 'HOST', 'there'] })
  expect(headers.host).toBe('')
})
