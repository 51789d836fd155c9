/**
 * One process says what no honest member of a mesh says, over raw connections from an address of its own:
 * a crowd of members that do not exist, old runs, times to come, files of others, floods. The
 * honest peers find each other, each other's files and new peers as before, use little memory, and log the
 * liar's address, but not without end.
 */
import { createSocket } from 'node:dgram'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { discoveryGroup } from '../../common/protocol/discovery-datagram.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf } from './cluster-fixture.ts'
import { peakMegabytes } from './crowd.ts'
import { lookUp, sharedPath, statesAt, timeout } from './mesh-checks.ts'
import { type MeshCluster, quickMesh, startMesh } from './mesh-fixture.ts'
import { listenRaw, type RawAnswer, RawConnection, type RawReply } from './raw-connection.ts'
import type { TandemProcess } from './tandem-process.ts'

const liarHost = '127.0.0.9'
const megabytesMax = 500
const dayMs = 24 * 3_600_000
const epoch = 'abcdef0123456789'

type Record = Readonly<{ [field: string]: unknown }>

/** The log of a mesh as people keep it. */
const settings = { ...quickMesh, log: { level: 'info' } }

function recordOf(peerId: string, fields: Record = {}): Record {
  const numbers = { generation: Date.UTC(2026, 0, 1), version: 1, lastSeq: 1, freeBytes: 10 ** 12 }
  return { peerId, host: '127.0.0.1', port: 9, epoch, ...numbers, ...fields }
}

/** Connections from the liar's address to all peers. */
interface Liar {
  /** Sends a request to each peer; none that is not answered counts. */
  tell(type: string, body: Record): Promise<(RawReply | undefined)[]>
}

async function liarIn(peers: readonly TandemProcess[], peerId = 'liar'): Promise<Liar> {
  const connections = await Promise.all(
    peers.map(async ({ port }) => {
      const connection = await RawConnection.dial(port, undefined, liarHost)
      onTestFinished(() => connection[Symbol.asyncDispose]())
      await connection.request('hello', { protocol: 'tandem/1', role: 'peer', peerId })
      return connection
    }),
  )
  return {
    tell: (type, body) =>
      Promise.all(connections.map((one) => one.request(type, body).catch(() => undefined))),
  }
}

const hash = '0'.repeat(16)

function news(count: number, of: (index: number) => Record): Record {
  return { hash, news: Array.from({ length: count }, (_, index) => ({ record: of(index) })) }
}

/** The warnings of a peer, without those of its index about its start. */
async function warningsOf({ folder }: MeshCluster, { name }: TandemProcess): Promise<string[]> {
  const text = await readFile(join(folder, 'logs', name, 'tandem.1.log'), 'utf8')
  return text.split('\n').filter((line) => /"level":"(warn|error)"/.test(line))
}

/** Each peer knows exactly the honest ones, and a file that one of them adds now. */
async function expectGood(mesh: MeshCluster, fileName: string): Promise<void> {
  const honest = Object.fromEntries(mesh.peers.map(({ name }) => [name, 'live']))
  const file = await aFile(sharedPath(mesh.peer(1), ''), fileName, { bytes: 10_000 })
  for (const peer of mesh.peers) {
    await expect.poll(() => statesAt(peer), { timeout, message: peer.name }).toEqual(honest)
    const found = async (): Promise<string[]> =>
      (await lookUp(peer, fileName).catch(() => [])).map(({ sha256 }) => sha256)
    await expect.poll(found, { timeout, message: peer.name }).toEqual([file.sha256])
    using api = apiOf(peer)
    expect(await api.mesh()).toMatchObject({ live: mesh.peers.length })
    expect(await peakMegabytes(peer)).toBeLessThan(megabytesMax)
  }
}

test('a crowd that does not exist takes no place, no copies, and no time of a new peer', async () => {
  await using mesh = await startMesh({ peers: 3, settings })
  await expectGood(mesh, 'before.bin')
  const liar = await liarIn(mesh.peers)
  for (let page = 0; page < 400; page += 1)
    await liar.tell(
      'gossip',
      news(32, (index) => recordOf(`crowd-${page}-${index}`, { port: 1 + index })),
    )
  await expectGood(mesh, 'crowded.bin')
  await mesh.startPeer([1])
  await expectGood(mesh, 'after.bin')
  for (const peer of mesh.peers.slice(0, 3)) {
    const warnings = await warningsOf(mesh, peer)
    expect(warnings.filter((line) => line.includes(liarHost))).not.toEqual([])
    expect(warnings.length).toBeLessThan(10)
  }
})

test('lies about time, runs, places and files of others mislead no peer for long', async () => {
  await using mesh = await startMesh({ peers: 3, settings })
  await expectGood(mesh, 'before.bin')
  const liar = await liarIn(mesh.peers)
  const [known] = await liar.tell('mesh-join', { record: recordOf('liar') })
  const members = known?.body?.['members'] as { record: Record }[]
  const record = members.find(({ record: { peerId } }) => peerId === 'peer1')?.record ?? {}
  const { generation, version } = record as { generation: number; version: number }
  const future = Math.floor(systemClock.nowMs()) + 3 * dayMs
  for (const lie of [
    { generation: generation - 1, version: 99 },
    { generation: future },
    { version: version + 5, host: '127.0.0.1', port: 9 },
    { version: version + 50, lastSeq: 10 ** 9 },
    { version: 2 ** 41 },
    { generation: generation + 1, epoch },
    { version: version + 500, freeBytes: 2 ** 53 - 1, intent: { logId: epoch, revision: 9 } },
  ])
    await liar.tell(
      'gossip',
      news(1, () => ({ ...record, ...lie })),
    )
  for (const state of ['suspect', 'dead', 'left'])
    await liar.tell('gossip', { hash, news: [{ record, state, forGood: true }] })
  await liar.tell('mesh-changes', { peerId: 'peer1', epoch, after: 0 })
  await liar.tell('mesh-changes', { peerId: 'nowhere', epoch, after: 2 ** 53 - 1 })
  const sha256 = 'a'.repeat(64)
  const copies = [{ owner: 'peer1', name: 'before.bin', sha256 }]
  const answers = await liar.tell('confirm-drops', { copies })
  for (const answer of answers) expect(answer?.body?.['confirmed']).not.toEqual([true])
  await expectGood(mesh, 'after.bin')
})

test('a member that tells made-up changes of another one is contradicted by it', async () => {
  await using mesh = await startMesh({ peers: 3, settings })
  await expectGood(mesh, 'before.bin')
  const truth: { record?: Record } = {}
  const put = { op: 'put', kind: 'shared', size: 1, modifiedMs: 1 }
  const answer: RawAnswer = (type, body) => {
    if (type === 'hello') return { body: { protocol: 'tandem/1', role: 'peer', peerId: 'liar' } }
    if (type === 'probe-for') return { body: { isLive: true } }
    if (type === 'mesh-digest') return { body: { groups: [], rows: [] } }
    if (type !== 'mesh-changes' || body['peerId'] !== 'peer1') return { body: { hash } }
    const after = Number(body['after'])
    const sha256 = 'a'.repeat(64)
    const change = { ...put, seq: after + 1, name: 'made-up.bin', sha256, chunkRoot: sha256 }
    const page = { epoch: truth.record?.['epoch'], previousSeq: after, lastSeq: after + 1 }
    return { body: { announcement: { ...page, changes: [change] } } }
  }
  await using server = await listenRaw(answer)
  const liar = await liarIn(mesh.peers.slice(1))
  const own = recordOf('liar', { port: server.port, lastSeq: 0 })
  const [known] = await liar.tell('mesh-join', { record: own })
  const members = known?.body?.['members'] as { record: Record }[]
  truth.record = members.find(({ record: { peerId } }) => peerId === 'peer1')?.record ?? {}
  const { version, lastSeq } = truth.record as { version: number; lastSeq: number }
  await liar.tell(
    'gossip',
    news(1, () => ({ ...truth.record, version: version + 1, lastSeq: lastSeq + 1 })),
  )
  for (const peer of mesh.peers)
    await expect.poll(() => lookUp(peer, 'made-up.bin').catch(() => []), { timeout }).toEqual([])
  const file = await aFile(sharedPath(mesh.peer(1), ''), 'after.bin', { bytes: 10_000 })
  for (const peer of mesh.peers) {
    const found = async (): Promise<string[]> =>
      (await lookUp(peer, 'after.bin').catch(() => [])).map(({ sha256 }) => sha256)
    await expect.poll(found, { timeout, message: peer.name }).toEqual([file.sha256])
    expect(await lookUp(peer, 'made-up.bin').catch(() => [])).toEqual([])
  }
})

test('floods of requests and of datagrams are refused, and logged rarely', async () => {
  await using mesh = await startMesh({ peers: 2, settings, isDiscovering: true })
  await expectGood(mesh, 'before.bin')
  const liar = await liarIn(mesh.peers)
  let refused = 0
  for (let round = 0; round < 120; round += 1) {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => liar.tell('gossip', { hash })),
    )
    refused += answers.flat().filter((answer) => answer?.error?.code === 'BUSY').length
  }
  expect(refused).toBeGreaterThan(1_000)
  const socket = createSocket({ type: 'udp4', reuseAddr: true })
  onTestFinished(() => void socket.close())
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  socket.setMulticastInterface('127.0.0.1')
  const port = mesh.discoveryPort
  for (let count = 0; count < 20_000; count += 1) {
    const made = { protocol: 'tandem/1', peerId: `p${count}`, epoch, port: 1 + (count % 60_000) }
    const bytes =
      count % 3 === 0 ? Buffer.alloc(count % 9_000, count) : Buffer.from(JSON.stringify(made))
    await new Promise<void>((resolve) => socket.send(bytes, port, discoveryGroup, () => resolve()))
  }
  await mesh.startPeer()
  await expectGood(mesh, 'after.bin')
  for (const peer of mesh.peers) expect((await warningsOf(mesh, peer)).length).toBeLessThan(10)
})
