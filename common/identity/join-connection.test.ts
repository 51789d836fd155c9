/** What becomes of the connection to the authority if joining fails before the request is sent. */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import { createServer, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { joinCluster } from './join-cluster.ts'

interface Attempt {
  readonly cluster: TestCluster
  /** The connection, as the authority sees it: with TLS, and below it. */
  readonly accepted: Promise<{ readonly socket: TLSSocket; readonly below: Socket }>
  readonly join: (folder: string, signal?: AbortSignal) => Promise<string>
}

/** An authority that only accepts connections. */
async function anAuthority(): Promise<Attempt> {
  const cluster = await TestCluster.create()
  onTestFinished(() => cluster[Symbol.asyncDispose]())
  const { key, cert } = cluster.own.credentials
  const server = createServer({ key, cert, ALPNProtocols: ['tandem-join/1'] })
  onTestFinished(() => void server.close())
  const below = once(server, 'connection').then(([socket]) => socket as Socket)
  const accepted = once(server, 'secureConnection').then(async ([one]) => {
    const socket = one as TLSSocket
    socket.on('error', () => {}).resume()
    return { socket, below: await below }
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
  const token = { authority: cluster.authority.digest, secret: '0'.repeat(32), address }
  return {
    cluster,
    accepted,
    async join(folder, signal) {
      const options = { token, id: 'peer1', names: [], folder, signal }
      const joined = joinCluster(options, { clock: systemClock, log: silentLog })
      return await joined.then(
        () => '',
        (error: unknown) => (error instanceof AppError ? error.code : String(error)),
      )
    },
  }
}

test('a process that cannot keep its key leaves no connection open', async () => {
  const { cluster, accepted, join: joining } = await anAuthority()
  const file = join(cluster.folder, 'no-folder')
  await writeFile(file, '')
  const closed = accepted.then(({ socket }) => once(socket, 'close'))
  expect(await joining(join(file, 'cluster'))).toBe('DISK_FAILED')
  await closed
})

test('a connection that fails while the key is made ends no process', async () => {
  const { cluster, accepted, join: joining } = await anAuthority()
  const reset = accepted.then(({ below }) => below.resetAndDestroy())
  const code = await joining(join(cluster.folder, 'peer1'))
  expect(code).toBe('CONNECTION_CLOSED')
  await reset
})
