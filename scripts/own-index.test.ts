import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../common/clock.ts'
import { connect } from '../common/protocol/client.ts'
import { MemoryTransport } from '../common/protocol/memory-transport.ts'
import { seededRandom } from '../common/random.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { ownIndexFrom } from './own-index.ts'

test('a peer’s own index has its settings from the section of the index, and its data with the peer’s', async () => {
  await using folder = await temporaryFolder()
  const config = join(folder.path, 'config.json')
  const index = { heartbeatMs: 1_234, port: 1, data: '/nowhere', replicationFactor: 3 }
  await writeFile(config, JSON.stringify({ index }))
  const data = join(folder.path, 'data')
  const dependencies = {
    transport: new MemoryTransport(),
    clock: systemClock,
    random: seededRandom('own index'),
    log: silentLog,
    gate: { isOpen: () => true, reachesIndex: () => false, knowsAll: () => true },
  }
  const start = ownIndexFrom({ config, port: 7_101, replicationFactor: 9 })
  await using own = await start({ peerId: 'peer1', data }, dependencies)
  expect(await readdir(join(data, '.tandem', 'mesh'))).toContain('index.sqlite')
  const registration = { epoch: '0'.repeat(16), host: '127.0.0.1', port: 7_101, freeBytes: 1 }
  const handlers = {} as never
  const { connection, welcome } = await connect(
    {
      transport: own.transport,
      address: own.address,
      role: 'index',
      hello: { role: 'peer', peerId: 'peer1', registration },
      handlers,
      signal: new AbortController().signal,
    },
    dependencies,
  )
  expect(welcome.registered).toMatchObject({ heartbeatMs: 1_234, seenSeq: 0 })
  const { byDefault } = await connection.request('replication-rules', {})
  expect(byDefault).toBe(3)
  // No other process reaches it.
  await expect(dependencies.transport.dial(own.address, {})).rejects.toMatchObject({
    code: 'DIAL_FAILED',
  })
  connection.destroy()
})
