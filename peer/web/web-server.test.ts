import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { InjectOptions } from 'fastify'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { type ErrorCode, errorTable } from '../../common/error-table.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { calls } from '../api/calls.ts'
import type { ApiError } from '../api/shapes.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import type { Web } from './routes.ts'
import { buildWeb, startWeb, type WebServer } from './web-server.ts'

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
    expect(described.toSorted()).toEqual(expected.toSorted())
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
    ['HOST_REFUSED', 'a foreign name', { url: '/healthz', headers: { host: 'evil.org' } }],
    [
      'ORIGIN_REFUSED',
      'a foreign page',
      { ...post, payload: { name: 'a' }, headers: { origin: 'http://evil.org' } },
    ],
  ])('is %s for %s', async (code, _what, request) => {
    const web = await webOf()
    const reply = await web.inject(request)
    const error = reply.json<ApiError>()
    expect(error.code).toBe(code)
    expect(reply.statusCode).toBe(errorTable[code].status)
    expect(error.message).not.toContain('?')
  })

  test('of a host name tells how to allow it', async () => {
    const web = await webOf()
    const reply = await web.inject({ url: '/healthz', headers: { host: 'evil.org' } })
    expect(reply.json<ApiError>().message).toContain('--allowed-hosts')
  })

  test('has code, sentence and details of what the peer says', async () => {
    const failure = new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' })
    const web = await webOf((peer) => {
      peer.failure = failure
    })
    const reply = await web.inject('/api/status')
    expect(reply.statusCode).toBe(503)
    expect(reply.json()).toEqual({
      code: 'INDEX_UNREACHABLE',
      message: failure.message,
      retryable: true,
      details: { address: '127.0.0.1:7000' },
    })
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

describe('on a real socket', () => {
  interface Running extends AsyncDisposable {
    readonly web: WebServer
    readonly peer: FakePeerApi
    readonly clock: FakeClock
  }

  async function running(): Promise<Running> {
    const clock = new FakeClock()
    const peer = new FakePeerApi({ clock })
    const web = await startWeb(
      { address: { host: '127.0.0.1', port: 0 }, allowedHosts: [] },
      { api: peer.api, vitals: fakeVitals(), clock, log: silentLog },
    )
    return { web, peer, clock, [Symbol.asyncDispose]: () => web[Symbol.asyncDispose]() }
  }

  async function dial({ web }: Running): Promise<Socket> {
    const socket = connect(web.address.port, '127.0.0.1')
    await once(socket, 'connect')
    return socket.setEncoding('latin1')
  }

  async function until(condition: () => boolean): Promise<void> {
    for (let turns = 0; !condition(); turns++) {
      if (turns > 100_000) throw new Error('it never happened')
      await turn()
    }
  }

  const upload = (name: string): string =>
    `POST /api/files?name=${name} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/octet-stream\r\ntransfer-encoding: chunked\r\n`

  test('an address in use is reported', async () => {
    await using first = await running()
    const second = startWeb(
      { address: first.web.address, allowedHosts: [] },
      { api: first.peer.api, vitals: fakeVitals(), clock: first.clock, log: silentLog },
    )
    const error = await second.catch((thrown: unknown) => thrown)
    expect(hasCode(error, 'ADDRESS_IN_USE') && error.details['flag']).toBe('--http-port')
  })

  test('closing ends waiting calls', async () => {
    await using peer = await running()
    peer.peer.finishesDownloads = false
    await peer.peer.startDownload({ name: 'a' })
    const socket = await dial(peer)
    socket.write('GET /api/downloads/d1?waitMs=30000 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
    await until(() => peer.clock.pending > 0)
    const closed = once(socket, 'close')
    await peer.web[Symbol.asyncDispose]()
    await closed
    await until(() => peer.clock.pending === 0)
    expect(peer.clock.pending).toBe(0)
  })

  test('a call ends when its client disconnects', async () => {
    await using peer = await running()
    peer.peer.finishesDownloads = false
    await peer.peer.startDownload({ name: 'a' })
    const socket = await dial(peer)
    socket.write('GET /api/downloads/d1?waitMs=30000 HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
    await until(() => peer.clock.pending > 0)
    socket.destroy()
    await until(() => peer.clock.pending === 0)
    expect(peer.clock.pending).toBe(0)
  })

  test('a client is told to continue only if its bytes are accepted', async () => {
    await using peer = await running()
    const welcome = await dial(peer)
    welcome.write(`${upload('a')}expect: 100-continue\r\n\r\n`)
    expect((await once(welcome, 'data')).join('')).toMatch(/^HTTP\/1.1 100 /)
    welcome.write('1\r\nx\r\n0\r\n\r\n')
    expect((await once(welcome, 'data')).join('')).toMatch(/^HTTP\/1.1 201 /)
    welcome.destroy()
    const refused = await dial(peer)
    refused.write(`${upload('..%2Fb')}expect: 100-continue\r\n\r\n`)
    const answer = (await once(refused, 'data')).join('')
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toContain('NAME_INVALID')
    refused.destroy()
  })

  test('a refused upload is read only briefly', async () => {
    await using peer = await running()
    const socket = await dial(peer)
    socket.on('error', () => {})
    socket.write(`${upload('..%2Fb')}\r\n1\r\nx\r\n`)
    expect((await once(socket, 'data')).join('')).toMatch(/^HTTP\/1.1 400 /)
    const closed = once(socket, 'close')
    await peer.clock.advance(1_000)
    await closed
    expect(peer.peer.files).toEqual([])
  })

  test('a push may wait silently for its copies, longer than the idle timeout', async () => {
    const clock = new FakeClock()
    const peer = new FakePeerApi({ clock })
    const copied = Promise.withResolvers<void>()
    const takeIn = peer.push.bind(peer)
    peer.push = async (request) => {
      const pushed = await takeIn(request)
      await copied.promise
      return pushed
    }
    await using web = await buildWeb(
      { allowedHosts: [] },
      { api: peer.api, vitals: fakeVitals(), clock, log: silentLog },
    )
    const accepted = once(web.server, 'connection') as Promise<[Socket]>
    await web.listen({ host: '127.0.0.1', port: 0 })
    const { port } = web.server.address() as AddressInfo
    const client = connect(port, '127.0.0.1').setEncoding('latin1')
    const [atServer] = await accepted
    client.write(`${upload('a')}\r\n1\r\nx\r\n0\r\n\r\n`)
    await until(() => peer.files.length > 0)
    atServer.emit('timeout')
    copied.resolve()
    expect((await once(client, 'data')).join('')).toMatch(/^HTTP\/1.1 201 /)
    atServer.emit('timeout')
    expect(atServer.destroyed).toBe(true)
    client.destroy()
  })

  test('a stalled upload fails', async () => {
    await using peer = await running()
    const socket = await dial(peer)
    socket.write(`${upload('a')}\r\n1\r\nx\r\n`)
    await until(() => peer.clock.pending > 0)
    const answered = once(socket, 'data')
    await peer.clock.advance(20_000)
    expect((await answered).join('')).toContain('DEADLINE_EXCEEDED')
    expect(peer.peer.files).toEqual([])
    socket.destroy()
  })

  test.each<[string, string, number, ErrorCode]>([
    ['a header too long', `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`, 431, 'TOO_LARGE'],
    ['no HTTP', '\u0000\u0001 nonsense\r\n\r\n', 400, 'BAD_REQUEST'],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 421, 'HOST_REFUSED'],
    [
      'two lengths',
      'POST /api/downloads HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      400,
      'BAD_REQUEST',
    ],
    [
      'an unknown expectation, and a name that leaves its folder',
      `${upload('..%2Fb')}expect: the-unexpected\r\n\r\n`,
      400,
      'NAME_INVALID',
    ],
  ])('%s is answered in the shape of all errors', async (_, sent, status, code) => {
    await using peer = await running()
    const socket = await dial(peer)
    socket.on('error', () => {})
    let received = ''
    socket.on('data', (text: string) => (received += text))
    socket.write(sent)
    await until(() => received.includes('}'))
    const [head = '', body = ''] = received.split('\r\n\r\n')
    expect(head).toContain(`HTTP/1.1 ${status} `)
    expect(head.toLowerCase()).toContain('content-type: application/json')
    const error = JSON.parse(body) as ApiError
    expect(error).toMatchObject({ code, retryable: expect.any(Boolean) as unknown })
    expect(error.message).not.toBe('')
    socket.destroy()
  })

  test.each(['', 'expect: 100-continue\r\n'])(
    'a name that is taken is refused before its bytes are sent %j',
    async (header) => {
      await using peer = await running()
      peer.peer.add('a', 'shared')
      const socket = await dial(peer)
      socket.on('error', () => {})
      const type = 'content-type: application/octet-stream\r\ncontent-length: 60000000\r\n'
      socket.write(`POST /api/files?name=a HTTP/1.1\r\nhost: 127.0.0.1\r\n${type}${header}\r\n`)
      const answer = (await once(socket, 'data')).join('')
      expect(answer).toMatch(/^HTTP\/1.1 409 /)
      expect(answer).toContain('NAME_EXISTS')
      const closed = once(socket, 'close')
      await peer.clock.advance(1_000)
      await closed
    },
  )

  test('garbage is answered without affecting others', async () => {
    await using peer = await running()
    const socket = await dial(peer)
    socket.write('\u0000\u0001 nonsense\r\n\r\n')
    expect((await once(socket, 'data')).join('')).toMatch(/^HTTP\/1.1 400 /)
    const other = await fetch(`http://127.0.0.1:${peer.web.address.port}/healthz`)
    expect(other.status).toBe(200)
    socket.destroy()
  })
})
