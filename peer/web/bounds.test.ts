import { fastify } from 'fastify'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { TestAuthority, TestIdentity } from '../../common/testing/certificates.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { ProblemDetails } from '../api/problem-details.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import { addRateLimit } from './rate-limit.ts'
import type { Web } from './routes.ts'
import { answerErrors } from './web-errors.ts'
import { buildWeb } from './web-server.ts'

async function webOf(identity?: TestIdentity): Promise<Web> {
  const { api } = new FakePeerApi({ clock: systemClock })
  const dependencies = { api, vitals: fakeVitals(), identity, clock: systemClock, log: silentLog }
  return await buildWeb({ allowedHosts: [] }, dependencies)
}

test.each(['/api/status', '/api/nothing', '/healthz', '/metrics'])(
  '%s lets browsers load nothing else and frame it nowhere',
  async (url) => {
    const { headers } = await (await webOf()).inject(url)
    const policy = String(headers['content-security-policy'])
    expect(policy).toContain("default-src 'none';script-src 'self';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe-inline|upgrade-insecure-requests|https:/)
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-resource-policy': 'same-origin',
    })
    for (const name of ['strict-transport-security', 'access-control-allow-origin', 'x-powered-by'])
      expect(headers[name]).toBeUndefined()
  },
)

test('over HTTPS a page shares no window with others, and nothing holds for other ports of the host', async () => {
  const authority = await TestAuthority.create()
  const identity = new TestIdentity(await authority.issue('peer1'))
  const { headers } = await (await webOf(identity)).inject('/api/status')
  expect(headers).toMatchObject({
    'cross-origin-opener-policy': 'same-origin',
    'origin-agent-cluster': '?1',
  })
  expect(headers['strict-transport-security']).toBeUndefined()
})

test('answers of the API are not kept by caches', async () => {
  const { headers } = await (await webOf()).inject('/api/status')
  expect(headers['cache-control']).toBe('no-store')
})

test('a host has its share of requests, whatever it forwards; probes and others continue', async () => {
  const web: Web = fastify()
  await addRateLimit(web, { httpRequestsOfHostMax: 5, httpRequestsOfLoopbackMax: 7 })
  answerErrors(web, { log: silentLog, clock: systemClock, challenge: () => '' })
  for (const url of ['/a', '/healthz']) web.get(url, async () => ({}))
  const ask = async (remoteAddress: string, url = '/a') =>
    await web.inject({ url, remoteAddress, headers: { 'x-forwarded-for': `10.1.1.${url.length}` } })
  const statuses = async (count: number, address: string, url?: string): Promise<number[]> => {
    const asked: number[] = []
    while (asked.length < count) asked.push((await ask(address, url)).statusCode)
    return asked
  }
  expect(await statuses(5, '10.0.0.1', '/nothing')).toEqual(Array(5).fill(404))
  const refused = await ask('10.0.0.1')
  expect(refused.statusCode).toBe(429)
  expect(refused.json<ProblemDetails>()).toMatchObject({ code: 'TOO_MANY_CALLS', retryable: true })
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect(await statuses(9, '10.0.0.1', '/healthz')).toEqual(Array(9).fill(200))
  expect(await statuses(6, '10.0.0.2')).toEqual([200, 200, 200, 200, 200, 429])
  expect(await statuses(8, '::ffff:127.0.0.1')).toEqual([...Array<number>(7).fill(200), 429])
  expect(await statuses(3, '2001:db8::1')).toEqual([200, 200, 200])
  expect(await statuses(3, '2001:db8::2')).toEqual([200, 200, 429])
})
