import { expect, test } from 'vitest'
import { httpAddressOf } from './http-address.ts'
import { IndexCluster } from './testing/index-cluster.ts'

test.each([
  ['none', undefined, '10.0.0.1', undefined],
  ['all addresses', { port: 8100 }, '10.0.0.1', { host: '10.0.0.1', port: 8100 }],
  [
    'HTTPS on all addresses',
    { port: 8100, isSecure: true as const },
    '10.0.0.1',
    { host: '10.0.0.1', port: 8100, isSecure: true },
  ],
  ['one address', { host: '10.1.0.1', port: 80 }, '10.0.0.1', { host: '10.1.0.1', port: 80 }],
  ['loopback of another machine', { host: '127.0.0.1', port: 80 }, '10.0.0.1', undefined],
  ['loopback of this machine', { host: '::1', port: 80 }, '127.0.0.1', { host: '::1', port: 80 }],
])('a peer that listens on %s', (_, http, host, reachedAt) => {
  expect(httpAddressOf(http, host)).toEqual(reachedAt)
})

test('peers and sources have the HTTP address that was registered last', async () => {
  await using cluster = await IndexCluster.start()
  const asker = await cluster.peer('asker')
  const register = async (http?: { host?: string; port: number }) => {
    const peer = await cluster.peer('peer1', { host: '10.0.0.1', ...(http && { http }) })
    await peer.announce({ name: 'a', text: 'a' })
    const { peers } = await asker.ask('peers', { limit: 10 })
    const [content] = (await asker.ask('lookup', { name: 'a' })).contents
    const [source] = content?.sources ?? []
    peer.crash()
    await cluster.advance(1)
    const listed = peers.find(({ peerId }) => peerId === 'peer1')
    expect(source?.http).toEqual(listed?.http)
    return source?.http
  }
  expect(await register()).toBeUndefined()
  expect(await register({ port: 8_100 })).toEqual({ host: '10.0.0.1', port: 8_100 })
  expect(await register({ host: '127.0.0.1', port: 8_100 })).toBeUndefined()
})
