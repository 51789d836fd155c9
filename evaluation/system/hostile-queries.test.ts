/** Queries without end from one address cost a peer of a mesh little. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { hasCode } from '../../common/errors.ts'
import { tcpTransport } from '../../common/protocol/tcp-transport.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { MemberConnections } from '../../peer/mesh/member-connections.ts'
import { apiOf } from './cluster-fixture.ts'
import { startMesh } from './mesh-fixture.ts'

const queries = 2_000
/** Queries whose replies are awaited together. */
const atOnce = 40

test('a peer refuses a flood of queries, and answers its users', async () => {
  await using mesh = await startMesh({ peers: 2 })
  const target = mesh.peer(1)
  const file = await aFile(join(target.dataFolder, 'shared'), 'kept.bin', { bytes: 1_000 })
  const dependencies = { transport: tcpTransport, clock: systemClock, log: silentLog }
  await using liar = new MemberConnections({ peerId: 'liar' }, dependencies)
  const { signal } = new AbortController()
  // Hits would go to an address at which there is no member.
  const origin = { peerId: 'stranger', host: '127.0.0.1', port: 9 }
  let refused = 0
  const flood = async (): Promise<void> => {
    const queryId = randomBytes(16).toString('hex')
    const asked = { queryId, name: file.name, ttl: 7, origin }
    await liar
      .request({ address: { host: '127.0.0.1', port: target.port } }, 'query', asked, signal)
      .catch((error: unknown) => {
        if (!hasCode(error, 'BUSY')) throw error
        refused += 1
      })
  }
  // A flood does not wait for the replies, which are sent when all have answered.
  for (let sent = 0; sent < queries; sent += atOnce)
    await Promise.all(Array.from({ length: atOnce }, flood))
  expect(refused).toBeGreaterThan(queries / 2)
  using api = apiOf(target)
  await expect.poll(async () => (await api.lookup({ name: file.name })).files.length).toBe(1)
}, 60_000)
