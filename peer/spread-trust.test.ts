import { expect, test, vi } from 'vitest'
import { BackgroundWork } from '../common/background.ts'
import { systemClock } from '../common/clock.ts'
import type { PeerInfo } from '../common/protocol/messages.ts'
import { startServer } from '../common/protocol/server.ts'
import { TlsTransport } from '../common/protocol/tls-transport.ts'
import { seededRandom } from '../common/random.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { TestCluster } from '../common/testing/test-cluster.ts'
import { ConnectionPool } from './fetch/source/connection-pool.ts'
import { spreadTrust } from './spread-trust.ts'

test('a peer that learns of a revocation tells peers that it has no connection to', async () => {
  const dependencies = { clock: systemClock, random: seededRandom('peers'), log: silentLog }
  await using cluster = await TestCluster.create()
  await using stack = new AsyncDisposableStack()
  const [first, second] = [await cluster.member('peer1'), await cluster.member('peer2')]
  const server = stack.use(
    await startServer(
      { role: 'peer', address: { host: '127.0.0.1', port: 0 }, connectionsMax: 4 },
      {
        ...dependencies,
        transport: stack.use(new TlsTransport(second, dependencies)),
        handlers: {} as never,
        welcome: async () => ({ reply: { peerId: 'peer2' }, session: undefined }),
      },
    ),
  )
  const transport = stack.use(new TlsTransport(first, dependencies))
  const pool = stack.use(new ConnectionPool({ ownPeerId: 'peer1' }, { ...dependencies, transport }))
  const background = stack.use(new BackgroundWork(dependencies))
  const found = { peerId: 'peer2', ...server.address, state: 'suspect' } as PeerInfo
  const finder = { peers: async () => ({ peers: [found] }) }
  const parts = { peerId: 'peer1', pool, finder: () => finder, background }
  spreadTrust(stack, parts, { ...dependencies, transport })

  await cluster.member('peer3')
  first.accept(cluster.authority.revoke('peer3'))
  await vi.waitFor(() => expect(second.trust.number).toBe(first.trust.number))
  expect(second.trust.revoked).toEqual([{ id: 'peer3', throughGeneration: 1 }])
})
