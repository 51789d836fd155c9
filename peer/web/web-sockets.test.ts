import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../common/error-table.ts'
import { hasCode } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import { TestAuthority, TestIdentity } from '../../common/testing/certificates.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { ProblemDetails } from '../api/problem-details.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import { buildWeb, startWeb, type WebServer } from './web-server.ts'

let authority: TestAuthority
beforeAll(async () => {
  authority = await TestAuthority.create()
})

describe.each(['HTTP', 'HTTPS'] as const)('on a real socket of %s', (protocol) => {
  interface Running extends AsyncDisposable {
    readonly web: WebServer
    readonly peer: FakePeerApi
    readonly clock: FakeClock
  }

  async function running(): Promise<Running> {
    const clock = new FakeClock()
    const peer = new FakePeerApi({ clock })
    const identity =
      protocol === 'HTTPS' ? new TestIdentity(await authority.issue('peer1')) : undefined
    const web = await startWeb(
      { address: { host: '127.0.0.1', port: 0 }, allowedHosts: [] },
      { api: peer.api, vitals: fakeVitals(), identity, clock, log: silentLog },
    )
    return { web, peer, clock, [Symbol.asyncDispose]: () => web[Symbol.asyncDispose]() }
  }

  async function dial({ web }: Running): Promise<Socket> {
    const [host, { port }] = ['127.0.0.1', web.address]
    const isSecure = protocol === 'HTTPS'
    const socket = isSecure ? connectTls({ port, host, ca: authority.ca }) : connect(port, host)
    // The server sends a session ticket once its side of the handshake is done, too.
    await once(socket, isSecure ? 'session' : 'connect')
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

  test.each(['limits', 'nothing'])(
    'a body of the API that is sent too slowly ends: %s',
    async (path) => {
      await using peer = await running()
      const socket = await dial(peer)
      let reply = ''
      socket.on('data', (text: string) => (reply += text))
      const type = 'content-type: application/json'
      socket.write(
        `PATCH /api/${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n${type}\r\ncontent-length: 9\r\n\r\n{`,
      )
      await until(() => peer.clock.pending > 0)
      await peer.clock.advance(deadlines.bulkStallMs)
      await until(() => reply.includes('}'))
      expect(reply).toContain('DEADLINE_EXCEEDED')
    },
  )

  test('a client that waits for leave to send a body of the API gets it', async () => {
    await using peer = await running()
    const socket = await dial(peer)
    const type = 'content-type: application/json'
    socket.write(
      `PATCH /api/limits HTTP/1.1\r\nhost: 127.0.0.1\r\n${type}\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n`,
    )
    const [answer] = (await once(socket, 'data')) as [string]
    expect(answer).toMatch(/^HTTP\/1.1 100 /)
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
    expect(head.toLowerCase()).toContain('content-type: application/problem+json')
    const error = JSON.parse(body) as ProblemDetails
    expect(error).toMatchObject({ code, retryable: expect.any(Boolean) as unknown })
    expect(error.detail).not.toBe('')
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
    const other = await dial(peer)
    other.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n')
    expect((await once(other, 'data')).join('')).toMatch(/^HTTP\/1.1 200 /)
    for (const open of [socket, other]) open.destroy()
  })
})
