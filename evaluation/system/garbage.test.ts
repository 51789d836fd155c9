/**
 * Every port of an index and a peer receives invalid input, on many connections that stay open. All
 * others must be served meanwhile and afterwards, and each of those connections must end.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { httpCheckMs } from '../../common/http-guard.ts'
import { deadlines } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { quickSettings } from './quick-settings.ts'
import { readMetric } from './read-metric.ts'

/** Connections per port and attack. */
const connectionsEach = 20
const pieceBytes = 64 * 1024

/** Sent on a new connection; nothing follows. */
const attacks: Readonly<Record<string, Buffer>> = {
  garbage: seededRandom('garbage').bytes(pieceBytes),
  'a length of 4 GiB': Buffer.concat([Buffer.alloc(4, 0xff), Buffer.alloc(pieceBytes, 0x20)]),
  'an HTTP request': Buffer.from('GET /../../etc/passwd HTTP/1.1\r\nconnection: close\r\n\r\n'),
  'half a frame': Buffer.from([0, 0, 4, 0, 0x7b]),
  silence: Buffer.alloc(0),
}

function portsOf(cluster: Cluster): Readonly<Record<string, number>> {
  const { index } = cluster
  const peer = cluster.peer(1)
  return {
    'the index': index.port,
    'HTTP of the index': Number(index.apiUrl.port),
    'the peer': peer.port,
    'HTTP of the peer': Number(peer.apiUrl.port),
  }
}

interface Attacker {
  readonly attack: string
  readonly socket: Socket
}

async function attackEverything(cluster: Cluster): Promise<Attacker[]> {
  const attackers = Object.entries(portsOf(cluster)).flatMap(([target, port]) =>
    Object.entries(attacks).flatMap(([what, bytes]) =>
      Array.from({ length: connectionsEach }, async () => {
        const socket = connect(port, '127.0.0.1')
        socket.on('error', () => {})
        socket.resume()
        await once(socket, 'connect')
        socket.write(bytes)
        return { attack: `${what} to ${target}`, socket }
      }),
    ),
  )
  return await Promise.all(attackers)
}

/** Shares a file with one peer, and fetches it through the attacked one and another. */
async function expectService(cluster: Cluster, name: string): Promise<void> {
  const folder = join(cluster.peer(2).dataFolder, 'shared')
  const { sha256 } = await aFile(folder, name, { bytes: 3 * 2 ** 20 + 1 })
  using api = apiOf(cluster.peer(1))
  await expect.poll(() => api.lookup({ name })).toMatchObject({ files: [{ sources: [{}, {}] }] })
  for (const peer of [cluster.peer(1), cluster.peer(3)])
    expect(await downloadAndHash(peer, { name })).toMatchObject({ sha256OnDisk: sha256 })
  const health = await fetch(new URL('/healthz', cluster.index.apiUrl))
  expect(await health.json()).toEqual({ status: 'ok' })
}

test('garbage, a length of 4 GiB, HTTP and silence on every port disturb no one and are ended', async () => {
  await using cluster = await startCluster({ peers: 3, settings: quickSettings })
  const processes = [cluster.index, ...cluster.peers]
  const pids = processes.map(({ pid }) => pid)
  const connections = (): Promise<number> => readMetric(cluster.index, 'tandem_index_connections')
  const connectionsBefore = await connections()

  const attackers = await attackEverything(cluster)
  await expectService(cluster, 'meanwhile.bin')
  const stillOpen = (): Set<string> =>
    new Set(attackers.filter(({ socket }) => !socket.closed).map(({ attack }) => attack))
  const timeout = deadlines.httpHeadersMs + 5 * httpCheckMs
  await expect.poll(stillOpen, { timeout }).toEqual(new Set())
  await expectService(cluster, 'afterwards.bin')
  await expect.poll(connections).toBe(connectionsBefore)
  expect(processes.map(({ pid }) => pid)).toEqual(pids)
})
