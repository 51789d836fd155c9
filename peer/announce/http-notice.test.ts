import { expect, test } from 'vitest'
import { HttpNotice } from './http-notice.ts'

test('a registration waits for the HTTP server, and names its host unless that is a wildcard', async () => {
  const notice = new HttpNotice()
  const { signal } = new AbortController()
  const waiting = notice.listening(signal)
  notice.onListening({ host: '127.0.0.1', port: 8_100 }, { needsToken: false })
  expect(await waiting).toEqual({ host: '127.0.0.1', port: 8_100 })
  notice.onListening({ host: '::', port: 8_100 }, { needsToken: true })
  expect(await notice.listening(signal)).toEqual({ port: 8_100, needsToken: true })
  const secure = { host: '192.0.2.1', port: 8_100, isSecure: true }
  notice.onListening(secure, { needsToken: true })
  expect(await notice.listening(signal)).toEqual({ ...secure, needsToken: true })
})

test('a peer that stops before it has one waits no longer', async () => {
  const stop = new AbortController()
  const waiting = new HttpNotice().listening(stop.signal)
  stop.abort(new Error('stopping'))
  await expect(waiting).rejects.toThrow('stopping')
})
