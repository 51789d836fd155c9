import { once } from 'node:events'
import type { IncomingMessage, RequestListener } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls'
import { beforeAll, expect, test } from 'vitest'
import { guardedServerOptions, guardHttp } from './http-guard.ts'
import { createWebServer } from './https-server.ts'
import { TestAuthority, TestIdentity } from './testing/certificates.ts'
import { FakeClock } from './testing/fake-clock.ts'

let authority: TestAuthority
beforeAll(async () => {
  authority = await TestAuthority.create()
})

interface Started extends AsyncDisposable {
  readonly port: number
  readonly identity: TestIdentity
  readonly clock: FakeClock
}

async function start(): Promise<Started> {
  const identity = new TestIdentity(await authority.issue('peer1'))
  const clock = new FakeClock()
  const server = createWebServer(guardedServerOptions, { clock, identity })
  const answer: RequestListener = ({ url, socket }, response) => {
    response.setHeader('x-caller', `${socket.remoteAddress} at ${socket.localPort}`)
    response.end(`you asked ${url}`)
  }
  guardHttp(server, answer, { clock })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const dispose = async (): Promise<void> => {
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
    expect(identity.followers).toBe(0)
  }
  const { port } = server.address() as AddressInfo
  return { port, identity, clock, [Symbol.asyncDispose]: dispose }
}

async function get(port: number, agent?: Agent): Promise<string> {
  const { ca } = authority
  const request = httpsRequest({ port, host: '127.0.0.1', path: '/x', ca, agent })
  request.end()
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return await text(response)
}

/** Sends bytes as they are. @returns all that comes back until the end */
async function sent(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  return await text(socket).catch(() => 'reset')
}

async function secured(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca: authority.ca, ...options })
  await once(socket, 'secureConnect')
  return socket
}

test('a request over TLS is answered, and a connection serves several', async () => {
  await using server = await start()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect(await get(server.port, agent)).toBe('you asked /x')
  expect(await get(server.port, agent)).toBe('you asked /x')
  agent.destroy()
})

test('the address of the caller is known, by which it is throttled', async () => {
  await using server = await start()
  const { ca } = authority
  const request = httpsRequest({ port: server.port, host: '127.0.0.1', ca, agent: false }).end()
  const [{ headers }] = (await once(request, 'response')) as [IncomingMessage]
  expect(headers['x-caller']).toBe(`127.0.0.1 at ${server.port}`)
})

test('TLS 1.3 it is, and nothing before it', async () => {
  await using server = await start()
  const socket = await secured(server.port)
  expect(socket.getProtocol()).toBe('TLSv1.3')
  expect(socket.getCipher().name).toMatch(/^TLS_(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA/)
  socket.destroy()
  await expect(secured(server.port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/version/)
})

test('a session is resumed, and ends with the certificate', async () => {
  await using server = await start()
  const first = await secured(server.port)
  const ticket = once(first, 'session')
  first.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const [session] = (await ticket) as [Buffer]
  const resumed = await secured(server.port, { session })
  expect(resumed.isSessionReused()).toBe(true)
  server.identity.replace(await authority.issue('peer1'))
  const renewed = await secured(server.port, { session })
  expect(renewed.isSessionReused()).toBe(false)
  for (const socket of [first, resumed, renewed]) socket.destroy()
})

test('a renewed certificate is used by new connections, and open ones stay', async () => {
  await using server = await start()
  const before = await secured(server.port)
  server.identity.replace(await authority.issue('peer1', { names: ['files.example'] }))
  const after = await secured(server.port, { servername: 'files.example' })
  expect(before.getPeerX509Certificate()?.subjectAltName).toContain('DNS:localhost')
  expect(after.getPeerX509Certificate()?.subjectAltName).toContain('DNS:files.example')
  before.write('GET /y HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  expect(await text(before)).toContain('you asked /y')
  after.destroy()
})

test.each([
  [
    'a browser is sent to HTTPS',
    'GET /files?x=1 HTTP/1.1\r\nHost: peer1:8100\r\nAccept: */*\r\n\r\n',
    /^HTTP\/1\.1 307 .*location: https:\/\/peer1:8100\/files\?x=1\r\n/s,
  ],
  [
    'a token must not be sent there',
    'GET / HTTP/1.1\r\nHost: peer1\r\nAuthorization: Bearer x\r\n\r\n',
    /^HTTP\/1\.1 400 .*"code":"HTTPS_REQUIRED"/s,
  ],
  [
    'a change is refused',
    'POST /api/downloads HTTP/1.1\r\nHost: peer1\r\ncontent-length: 2\r\n\r\n{}',
    /^HTTP\/1\.1 400 .*content-type: application\/problem\+json.*"code":"HTTPS_REQUIRED"/s,
  ],
  ['a host is needed', 'GET / HTTP/1.0\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['headers cannot be added', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', /^HTTP\/1\.1 400 /],
  ['what is not HTTP gets no answer', '\0\0\0\x05hello', /^(reset)?$/],
])('plain text on the port of HTTPS: %s', async (_, request, answer) => {
  await using server = await start()
  expect(await sent(server.port, request)).toMatch(answer)
})

test('a connection that never ends its handshake is closed', async () => {
  await using server = await start()
  const [silent, halfway] = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')]
  const ended = [silent, halfway].map(
    async (socket: Socket) => await text(socket.on('error', () => {})),
  )
  halfway.write(Buffer.from([0x16, 3, 1]))
  expect(await get(server.port)).toBe('you asked /x')
  await server.clock.advance(10_000)
  await Promise.allSettled(ended)
})

test('closing does not wait for handshakes', async () => {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await start())
  const open = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')]
  open[0]?.write(Buffer.from([0x16, 3, 1]))
  for (const socket of open) socket.on('error', () => {})
  expect(await get(server.port)).toBe('you asked /x')
  const ends = open.map(async (socket): Promise<unknown> => await once(socket.resume(), 'close'))
  await stack.disposeAsync()
  await Promise.all(ends)
})

test('a reset during the handshake ends nothing else', async () => {
  await using server = await start()
  const socket = connect(server.port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5]))
  await once(socket.resume(), 'close').catch(() => {})
  const another = connect(server.port, '127.0.0.1')
  await once(another, 'connect')
  another.resetAndDestroy()
  expect(await get(server.port)).toBe('you asked /x')
})
