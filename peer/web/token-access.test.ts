import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { callNames, calls } from '../api/calls.ts'
import type { ProblemDetails } from '../api/problem-details.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import { Gatekeeper } from './gatekeeper.ts'
import type { Web } from './routes.ts'
import { Sessions } from './sessions.ts'
import { buildWeb } from './web-server.ts'

const good = 'the-good-token-of-this-very-peer1'
const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

interface Guarded extends AsyncDisposable {
  readonly web: Web
  readonly clock: FakeClock
  /** What is in the file of the token. */
  token: string | undefined
}

async function guarded({ needsToken = true, isSecure = false } = {}): Promise<Guarded> {
  const clock = new FakeClock()
  const log = silentLog
  const folder = await temporaryFolder()
  const state = { token: good as string | undefined }
  const digest = async (): Promise<Buffer> => {
    if (state.token === undefined) throw new AppError('TOKEN_UNUSABLE', { path: 't', reason: 'r' })
    return createHash('sha256').update(state.token).digest()
  }
  const random = seededRandom('access')
  const sessions = await Sessions.open(join(folder.path, 's'), { clock, random, log })
  const gate = new Gatekeeper(
    { peerId: 'peer1', needsToken, isSecure },
    { token: { digest }, sessions, clock },
  )
  const peer = new FakePeerApi({ clock })
  peer.add('a')
  const web = await buildWeb(
    { allowedHosts: [] },
    { api: peer.api, vitals: fakeVitals(), gate, clock, log },
  )
  return Object.assign(state, {
    web,
    clock,
    [Symbol.asyncDispose]: async () => {
      await web.close()
      await folder[Symbol.asyncDispose]()
    },
  })
}

async function logIn({ web }: Guarded, token = good): Promise<string> {
  const reply = await web.inject({ method: 'POST', url: '/api/session', payload: { token } })
  expect(reply.statusCode).toBe(204)
  return String(reply.headers['set-cookie'])
}

describe('where other machines can reach the API', () => {
  test('every route wants the token', async () => {
    await using peer = await guarded()
    const routes = [
      ...callNames.map((name) => [calls[name].method, calls[name].path.replaceAll(':', '')]),
      ['GET', '/metrics'],
      ['GET', '/api/openapi.json'],
      ['GET', '/api/errors'],
      ['GET', '/api/nothing'],
      ['GET', '/healthz/../api/status'],
      ['GET', '//healthz'],
    ] as const
    for (const [method, url] of routes) {
      const reply = await peer.web.inject({ method: method as 'GET', url })
      expect([url, reply.statusCode]).toEqual([url, 401])
      expect(reply.json<ProblemDetails>().code).toBe('TOKEN_REQUIRED')
      expect(reply.headers['www-authenticate']).toContain('Bearer realm="tandem peer1"')
    }
    expect((await peer.web.inject('/healthz')).statusCode).toBe(200)
  })

  test.each([
    bearer(good),
    { authorization: `Basic ${Buffer.from(`rclone:${good}`).toString('base64')}` },
  ])('%j is let in', async (headers) => {
    await using peer = await guarded()
    expect((await peer.web.inject({ url: '/api/status', headers })).statusCode).toBe(200)
  })

  test('a browser keeps a cookie that no script and no other site can use', async () => {
    await using peer = await guarded()
    const cookie = await logIn(peer)
    expect(cookie).toMatch(
      /^tandem-peer1=[0-9a-f]{64}; Path=\/; Max-Age=7776000; HttpOnly; SameSite=Strict$/,
    )
    expect(cookie).not.toContain(good)
    const headers = { cookie: cookie.split(';', 1)[0] ?? '' }
    const status = async (): Promise<number> =>
      (await peer.web.inject({ url: '/api/status', headers })).statusCode
    expect(await status()).toBe(200)
    const ended = await peer.web.inject({ method: 'DELETE', url: '/api/session', headers })
    expect([ended.statusCode, ended.headers['set-cookie']]).toEqual([
      204,
      expect.stringMatching(/^tandem-peer1=; Path=\/; Max-Age=0; /),
    ])
    expect(await status()).toBe(401)
  })

  test('over HTTPS the cookie is sent over nothing else, and no other can replace it', async () => {
    await using peer = await guarded({ isSecure: true })
    const cookie = await logIn(peer)
    expect(cookie).toMatch(
      /^__Host-tandem-peer1=[^;]+; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Strict; Secure$/,
    )
    const [pair = ''] = cookie.split(';', 1)
    const ask = async (shown: string): Promise<number> =>
      (await peer.web.inject({ url: '/api/status', headers: { cookie: shown } })).statusCode
    expect(await ask(pair)).toBe(200)
    expect(await ask(pair.replace('__Host-', ''))).toBe(401)
  })

  test('a new token ends all sessions', async () => {
    await using peer = await guarded()
    const headers = { cookie: (await logIn(peer)).split(';', 1)[0] ?? '' }
    peer.token = 'another-token-of-at-least-32-characters'
    const reply = await peer.web.inject({ url: '/api/status', headers })
    expect(reply.json<ProblemDetails>().code).toBe('TOKEN_REQUIRED')
  })

  test('wrong tokens are refused, throttled per address, and forgotten with time', async () => {
    await using peer = await guarded()
    const attempt = async (token: string, remoteAddress = '10.0.0.9') =>
      await peer.web.inject({
        url: '/api/status',
        headers: { ...bearer(token), 'x-forwarded-for': `10.1.1.${token.length}` },
        remoteAddress,
      })
    for (let length = 1; length <= 10; length++)
      expect((await attempt('x'.repeat(length))).json<ProblemDetails>().code).toBe('TOKEN_WRONG')
    const refused = await attempt(good)
    expect(refused.statusCode).toBe(429)
    expect(refused.headers['retry-after']).toBe('6')
    expect(refused.json<ProblemDetails>().detail).toContain('in 6 s')
    const login = { method: 'POST', url: '/api/session', remoteAddress: '10.0.0.9' } as const
    const refusedLogin = await peer.web.inject({ ...login, payload: { token: good } })
    expect(refusedLogin.json<ProblemDetails>().code).toBe('TOO_MANY_ATTEMPTS')
    expect((await attempt(good, '10.0.0.8')).statusCode).toBe(200)
    await peer.clock.advance(6_000)
    expect((await attempt(good)).statusCode).toBe(200)
  })

  test('a token that cannot be used lets none in', async () => {
    await using peer = await guarded()
    const headers = { cookie: (await logIn(peer)).split(';', 1)[0] ?? '' }
    peer.token = undefined
    for (const shown of [headers, bearer(good)])
      expect((await peer.web.inject({ url: '/api/status', headers: shown })).statusCode).toBe(503)
    expect((await peer.web.inject('/healthz')).statusCode).toBe(200)
  })

  test('the token does not let a foreign page or host name in', async () => {
    await using peer = await guarded()
    const headers = { ...bearer(good), host: 'evil.org' }
    expect((await peer.web.inject({ url: '/api/status', headers })).statusCode).toBe(421)
    const foreign = { ...bearer(good), origin: 'http://evil.org' }
    const login = { method: 'POST', url: '/api/session', payload: { token: good } } as const
    expect((await peer.web.inject({ ...login, headers: foreign })).statusCode).toBe(403)
  })
})

test('on loopback no token is wanted, and a wrong one does no harm', async () => {
  await using peer = await guarded({ needsToken: false })
  for (const headers of [{}, bearer('wrong')])
    expect((await peer.web.inject({ url: '/api/status', headers })).statusCode).toBe(200)
})
