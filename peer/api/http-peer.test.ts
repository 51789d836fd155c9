import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import { startWeb } from '../web/web-server.ts'
import { type HttpPeer, openHttpPeer } from './http-peer.ts'

test('an error keeps its message and details over HTTP', async () => {
  const peer = new FakePeerApi({ clock: systemClock })
  peer.failure = new AppError('INDEX_UNREACHABLE', { address: '127.0.0.1:7000' })
  await using web = await startWeb(
    { address: { host: '127.0.0.1', port: 0 }, allowedHosts: [] },
    { api: peer.api, vitals: fakeVitals(), clock: systemClock, log: silentLog },
  )
  const url = new URL(`http://127.0.0.1:${web.address.port}`)
  using api = openHttpPeer({ url, peerId: 'peer1' }, { clock: systemClock })
  const { code, message, details } = peer.failure
  await expect(api.status()).rejects.toMatchObject({ code, message, details })
})

describe('a client of a server that is not a peer', () => {
  async function answering(listener: Parameters<typeof createServer>[1]): Promise<Server> {
    const server = createServer(listener)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  function clientOf(server: Server): HttpPeer {
    const { port } = server.address() as AddressInfo
    const url = new URL(`http://127.0.0.1:${port}`)
    return openHttpPeer({ url, peerId: 'peer1' }, { clock: systemClock })
  }
  async function close(server: Server): Promise<void> {
    server.closeAllConnections()
    await server[Symbol.asyncDispose]()
  }

  test('reports that none answers', async () => {
    const server = await answering(() => {})
    const client = clientOf(server)
    await close(server)
    const error = await client.status().catch((thrown: unknown) => thrown)
    expect(hasCode(error, 'PEER_UNREACHABLE') && error.message).toContain(
      'tandem peer --peer peer1',
    )
  })

  test.each([
    ['text', 200, 'hello'],
    ['other JSON', 200, '{"peers": 3}'],
    ['an error page', 502, '<html>'],
  ])('rejects %s as an invalid reply', async (_name, status, body) => {
    const server = await answering((_request, response) => response.writeHead(status).end(body))
    using client = clientOf(server)
    await expect(client.status()).rejects.toMatchObject({ code: 'BAD_REPLY' })
    await close(server)
  })

  test('reports a broken connection', async () => {
    const server = await answering((request) => request.socket.destroy())
    using client = clientOf(server)
    await expect(client.status()).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    await close(server)
  })
})
