import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { hasCode } from '../common/errors.ts'
import { httpUrl } from '../common/http-url.ts'
import { TestAuthority, TestIdentity } from '../common/testing/certificates.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { startHealthServer } from './health-server.ts'

const metrics = { contentType: 'text/plain', text: async () => 'tandem_index_peers 1\n' }

test('health and metrics are served, everything else is refused', async () => {
  let isHealthy = true
  let degraded: string | undefined
  const check = async (): Promise<string | undefined> => {
    if (!isHealthy) throw new Error('the disk is gone')
    return degraded
  }
  const address = { host: '127.0.0.1', port: 0, allowedHosts: ['Index'] }
  await using server = await startHealthServer(address, {
    check,
    metrics,
    clock: systemClock,
    log: silentLog,
  })
  const base = `http://127.0.0.1:${server.address.port}`
  const status = async (path: string, method = 'GET'): Promise<number> =>
    (await fetch(base + path, { method })).status
  expect(await status('/healthz')).toBe(200)
  expect(await status('/healthz', 'HEAD')).toBe(200)
  expect(await status('/readyz')).toBe(200)
  expect(await (await fetch(`${base}/metrics`)).text()).toBe('tandem_index_peers 1\n')
  expect(await status('/')).toBe(404)
  expect(await status('/healthz', 'POST')).toBe(404)
  expect(await status('/api/errors/ROUTE_NOT_FOUND')).toBe(200)
  const refused = await fetch(`${base}/nothing`)
  expect(refused.headers.get('content-type')).toBe('application/problem+json')
  expect(await refused.json()).toMatchObject({ code: 'ROUTE_NOT_FOUND', instance: '/nothing' })
  const health = async (): Promise<unknown> => await (await fetch(`${base}/healthz`)).json()
  expect(await health()).toEqual({ status: 'ok' })
  degraded = 'the database cannot be written: full'
  expect(await status('/healthz')).toBe(200)
  expect(await health()).toEqual({ status: 'degraded', reason: degraded })
  const unready = await fetch(`${base}/readyz`)
  expect([unready.status, await unready.json()]).toMatchObject([
    503,
    { code: 'NOT_READY', detail: `This process is not ready: ${degraded}.` },
  ])
  isHealthy = false
  expect(await status('/healthz')).toBe(503)
  expect(await health()).toEqual({ status: 'failed', reason: 'the disk is gone' })
  expect(await status('/readyz')).toBe(503)

  const again = startHealthServer(
    { ...address, ...server.address },
    { check, metrics, clock: systemClock, log: silentLog },
  )
  const error: unknown = await again.catch((caught: unknown) => caught)
  expect(hasCode(error, 'ADDRESS_IN_USE') && error.details['flag']).toBe('--http-port')
})

test('only known host names are answered, and the refusal says how to allow another', async () => {
  const options = { host: '127.0.0.1', port: 0, allowedHosts: ['Index'] }
  const check = async (): Promise<undefined> => undefined
  const dependencies = { check, metrics, clock: systemClock, log: silentLog }
  await using server = await startHealthServer(options, dependencies)
  const ask = async (host: string): Promise<string> => {
    const socket = connect(server.address.port, '127.0.0.1').setEncoding('utf8')
    socket.write(`GET /healthz HTTP/1.1\r\n${host}connection: close\r\n\r\n`)
    let text = ''
    for await (const part of socket) text += String(part)
    return text
  }
  for (const host of ['127.0.0.1:7001', '[::1]:7001', 'localhost', 'index:7001', 'INDEX'])
    expect(await ask(`host: ${host}\r\n`), host).toMatch(/^HTTP\/1.1 200 /)
  for (const host of ['evil.org', 'localhost.evil.org', 'index.evil.org:7001'])
    expect(await ask(`host: ${host}\r\n`), host).toMatch(/^HTTP\/1.1 421 [^]*--allowed-hosts/)
  expect(await ask('')).toMatch(/^HTTP\/1.1 421 /)
  expect(await ask(`host: localhost\r\nx: ${'y'.repeat(20_000)}\r\n`)).toMatch(
    /^HTTP\/1.1 431 [^]*"code":"TOO_LARGE"/,
  )
})

test('with an identity it speaks HTTPS', async () => {
  const authority = await TestAuthority.create()
  const identity = new TestIdentity(await authority.issue('index'))
  const options = { host: '127.0.0.1', port: 0, allowedHosts: [] }
  const check = async (): Promise<undefined> => undefined
  const dependencies = { check, metrics, identity, clock: systemClock, log: silentLog }
  await using server = await startHealthServer(options, dependencies)
  const url = new URL('/healthz', httpUrl(server.address))
  expect(url.protocol).toBe('https:')
  const request = httpsRequest(url, { ca: authority.ca, agent: false }).end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  expect([response.statusCode, await text(response)]).toEqual([200, '{"status":"ok"}\n'])
  const plain = await fetch(`http://127.0.0.1:${server.address.port}/metrics`, {
    redirect: 'manual',
  })
  expect([plain.status, plain.headers.get('location')]).toEqual([
    307,
    new URL('/metrics', url).href,
  ])
})
