import type { InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { type ErrorCode, errorTable } from '../../common/error-table.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { calls } from '../api/calls.ts'
import type { ProblemDetails } from '../api/problem-details.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import type { Web } from './routes.ts'
import { buildWeb } from './web-server.ts'

const octets = { 'content-type': 'application/octet-stream' }

async function webOf(prepare: (peer: FakePeerApi) => void = () => {}): Promise<Web> {
  const peer = new FakePeerApi({ clock: systemClock })
  prepare(peer)
  return await buildWeb(
    { allowedHosts: ['Peer1'] },
    {
      api: peer.api,
      vitals: fakeVitals(),
      clock: systemClock,
      log: silentLog,
    },
  )
}

describe('the HTTP API', () => {
  test('names the next page of a list', async () => {
    const web = await webOf((peer) => ['a', 'b', 'c'].forEach((name) => peer.add(name, 'shared')))
    const first = await web.inject('/api/files?kind=shared&limit=2')
    expect(first.json<unknown[]>()).toHaveLength(2)
    const link = '</api/files?kind=shared&limit=2&after=2>; rel="next"'
    expect(first.headers.link).toBe(link)
    const second = await web.inject('/api/files?kind=shared&limit=2&after=2')
    expect(second.json<unknown[]>()).toHaveLength(1)
    expect(second.headers.link).toBeUndefined()
  })

  test('lists and searches everything when nothing is asked for', async () => {
    const web = await webOf((peer) => peer.add('a'))
    expect((await web.inject('/api/files')).json()).toHaveLength(1)
    expect((await web.inject('/api/search')).json()).toMatchObject({ files: [{ name: 'a' }] })
  })

  test('starts a download and says where it is followed', async () => {
    const web = await webOf((peer) => peer.add('a'))
    const started = await web.inject({
      method: 'POST',
      url: '/api/downloads',
      payload: { name: 'a' },
    })
    expect([started.statusCode, started.headers.location]).toEqual([202, '/api/downloads/d1'])
    expect((await web.inject('/api/downloads/d1?waitMs=5')).json()).toMatchObject({ state: 'done' })
    const cancelled = await web.inject({ method: 'DELETE', url: '/api/downloads/d1' })
    expect([cancelled.statusCode, cancelled.body]).toEqual([204, ''])
  })

  test('takes the bytes of a file', async () => {
    const web = await webOf()
    const pushed = await web.inject({
      method: 'POST',
      url: `/api/files?name=${encodeURIComponent('a/ż 100%.txt')}&replace=true`,
      headers: octets,
      payload: 'bytes',
    })
    expect(pushed.statusCode).toBe(201)
    expect(pushed.json()).toMatchObject({ name: 'a/ż 100%.txt', size: 5 })
  })

  test.each(['/api/files/a%2Fb%25.txt', '/api/files/a/b%25.txt'])(
    'unshares a name with slashes: %s',
    async (url) => {
      const web = await webOf((peer) => peer.add('a/b%.txt', 'shared'))
      expect((await web.inject({ method: 'DELETE', url })).statusCode).toBe(204)
    },
  )

  test.each([{ url: '/api/files/a?name=b' }, { url: '/api/files/a', payload: { name: 'b' } }])(
    'unshares only the name in the path: %j',
    async (request) => {
      let peer: FakePeerApi | undefined
      const web = await webOf((fake) => {
        peer = fake
        for (const name of ['a', 'b', 'c']) fake.add(name, 'shared')
      })
      await web.inject({ method: 'DELETE', ...request })
      expect(peer?.files.map(({ name }) => name)).toEqual(['b', 'c'])
    },
  )

  test('describes every call', async () => {
    const description = (await (await webOf()).inject('/api/openapi.json')).json<{
      paths: Record<string, Record<string, { summary: string }>>
    }>()
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { summary }]) => `${method} ${path}: ${summary}`),
    )
    const expected = Object.values(calls).map(
      ({ method, path, summary }) =>
        `${method.toLowerCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}: ${summary}`,
    )
    expect(described).toEqual(expect.arrayContaining(expected))
  })

  test('lets no page of another origin read its answers', async () => {
    const { headers } = await (await webOf()).inject({
      url: '/api/status',
      headers: { origin: 'http://evil.org' },
    })
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('a refusal', () => {
  const post = { method: 'POST', url: '/api/downloads' } as const
  const patch = { method: 'PATCH', url: '/api/limits' } as const

  test.each<[ErrorCode, string, InjectOptions]>([
    ['BAD_REQUEST', 'no name', { url: '/api/lookup' }],
    ['BAD_REQUEST', 'two names', { url: '/api/lookup?name=a&name=b' }],
    ['BAD_REQUEST', 'an unknown kind', { url: '/api/files?kind=mine' }],
    ['BAD_REQUEST', 'a limit of nothing', { url: '/api/files?limit=0' }],
    ['BAD_REQUEST', 'a page too large', { url: `/api/search?limit=${limits.pageRowsMax + 1}` }],
    ['BAD_REQUEST', 'a limit in words', { url: '/api/files?limit=ten' }],
    ['BAD_REQUEST', 'an endless wait', { url: '/api/downloads/d1?waitMs=99999999' }],
    ['BAD_REQUEST', 'no body', { ...post }],
    ['BAD_REQUEST', 'a rate too low', { ...patch, payload: { uploadBytesPerSecond: 49_999 } }],
    ['BAD_REQUEST', 'a rate in words', { ...patch, payload: { uploadBytesPerSecond: '5MB' } }],
    ['BAD_REQUEST', 'no connections', { ...patch, payload: { connections: 0 } }],
    ['BAD_REQUEST', 'a limit of another name', { ...patch, payload: { upload: 5_000_000 } }],
    [
      'BAD_REQUEST',
      'a body that is not JSON',
      { ...post, payload: '{', headers: { 'content-type': 'application/json' } },
    ],
    [
      'BAD_REQUEST',
      'another type of body',
      { ...post, payload: 'name=a', headers: { 'content-type': 'text/plain' } },
    ],
    ['BAD_REQUEST', 'an unknown field', { ...post, payload: { name: 'a', path: '/etc' } }],
    ['BAD_REQUEST', 'a hash that is none', { ...post, payload: { name: 'a', sha256: 'abc' } }],
    [
      'BAD_REQUEST',
      'JSON instead of bytes',
      { method: 'POST', url: '/api/files?name=a', payload: {} },
    ],
    ['BAD_REQUEST', 'a broken escape', { url: '/api/files/%zz', method: 'DELETE' }],
    ['BAD_REQUEST', 'an escape that is not UTF-8', { url: '/api/search?q=%E0%A4%41' }],
    [
      'TOO_LARGE',
      'a large body',
      { ...post, payload: { name: 'a'.repeat(limits.httpBodyBytesMax) } },
    ],
    ['NAME_INVALID', 'a name that leaves its folder', { url: '/api/lookup?name=..%2Fsecret' }],
    ['ROUTE_NOT_FOUND', 'an unknown address', { url: '/api/nothing?x=1' }],
    ['ROUTE_NOT_FOUND', 'an unknown method', { method: 'PUT', url: '/api/files' }],
    [
      'BAD_REQUEST',
      'encoded bytes',
      {
        method: 'POST',
        url: '/api/files?name=a',
        headers: { ...octets, 'content-encoding': 'gzip' },
        payload: 'x',
      },
    ],
    ['HOST_REFUSED', 'a foreign name', { url: '/healthz', headers: { host: 'evil.org' } }],
    [
      'ORIGIN_REFUSED',
      'a foreign page',
      { ...post, payload: { name: 'a' }, headers: { origin: 'http://evil.org' } },
    ],
  ])('is %s for %s', async (code, _what, request) => {
    const web = await webOf()
    const reply = await web.inject(request)
    const error = reply.json<ProblemDetails>()
    expect(error.code).toBe(code)
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json(;|$)/)
    expect(reply.statusCode).toBe(errorTable[code].status)
    expect(error.status).toBe(reply.statusCode)
    expect(error.detail).not.toContain('?')
  })

  test('of a host name tells how to allow it', async () => {
    const web = await webOf()
    const reply = await web.inject({ url: '/healthz', headers: { host: 'evil.org' } })
    expect(reply.json<ProblemDetails>().detail).toContain('--allowed-hosts')
  })

  test('has code, sentence and details of what the peer says', async () => {
    const failure = new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' })
    const web = await webOf((peer) => {
      peer.failure = failure
    })
    const reply = await web.inject('/api/status')
    expect(reply.statusCode).toBe(503)
    expect(reply.json()).toEqual({
      type: '/api/errors/INDEX_UNREACHABLE',
      title: 'Index unreachable',
      status: 503,
      detail: failure.message,
      instance: '/api/status',
      code: 'INDEX_UNREACHABLE',
      retryable: true,
      address: '127.0.0.1:7000',
    })
  })

  test('has a type that describes it', async () => {
    const web = await webOf()
    const refused = await web.inject('/api/nothing?x=1')
    const { type, code, instance } = refused.json<ProblemDetails>()
    expect(instance).toBe('/api/nothing')
    expect((await web.inject(type)).json()).toMatchObject({ code, status: 404 })
    const all = (await web.inject('/api/errors')).json<unknown[]>()
    expect(all.length).toBe(Object.keys(errorTable).length)
    expect((await web.inject('/api/errors/toString')).statusCode).toBe(404)
  })

  test('keeps to itself what failed inside', async () => {
    const web = await webOf((peer) => {
      peer.status = () => Promise.reject(new Error('secret path'))
    })
    const reply = await web.inject('/api/status')
    expect(reply.statusCode).toBe(500)
    expect(reply.body).not.toContain('secret')
  })

  test('is not met by the names that are its own', async () => {
    const web = await webOf()
    const reply = await web.inject({ url: '/healthz', headers: { host: 'peer1:8100' } })
    expect(reply.statusCode).toBe(200)
  })
})
