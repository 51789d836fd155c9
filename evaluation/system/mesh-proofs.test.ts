/** A member of a mesh that has others answer its challenges does not let a file look safe. */
import { expect, onTestFinished, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { apiOf } from './cluster-fixture.ts'
import { lookUp, sharedPath, timeout } from './mesh-checks.ts'
import { quickMesh, startMesh } from './mesh-fixture.ts'
import { listenRaw, type RawAnswer, RawConnection } from './raw-connection.ts'

const name = 'contract.pdf'
const epoch = 'abcdef0123456789'
const hash = '0'.repeat(16)

test('it returns the proof of the member that asks it, or of another, and its copy does not count', async () => {
  const index = { ...quickMesh.index, proofMs: 2_000 }
  await using mesh = await startMesh({ peers: 2, settings: { ...quickMesh, index } })
  const [peer1, peer2] = [mesh.peer(1), mesh.peer(2)]
  await aFile(sharedPath(peer1, ''), name, { bytes: 2_000_000 })
  const sources = async (): Promise<unknown> => (await lookUp(peer2, name))[0]?.sources.length
  await expect.poll(async () => await sources().catch(() => 0), { timeout }).toBe(2)
  const [found] = await lookUp(peer1, name)
  const { sha256 = '', size = 0, chunkRoot = '' } = found ?? {}

  let place = 0
  const relays: RawConnection[] = []
  const replica = { op: 'put', kind: 'replicated', owner: 'peer1', name, modifiedMs: 1 }
  const changes = [{ ...replica, seq: 1, sha256, size, chunkRoot }]
  const announcement = { epoch, previousSeq: 0, lastSeq: 1, begin: true, end: true, changes }
  const answer: RawAnswer = async (type, body) => {
    if (type === 'hello') return { body: { protocol: 'tandem/1', role: 'peer', peerId: 'liar' } }
    if (type === 'mesh-digest') return { body: { groups: [], rows: [] } }
    if (type === 'mesh-changes') return { body: { announcement } }
    if (type !== 'prove') return { body: { hash } }
    const relay = relays[(place += 1) % relays.length]
    const reply = await relay?.request('prove', body)
    return reply?.body && { body: reply.body }
  }
  await using server = await listenRaw(answer)
  for (const { port } of mesh.peers) {
    const connection = await RawConnection.dial(port)
    onTestFinished(() => connection[Symbol.asyncDispose]())
    await connection.request('hello', { protocol: 'tandem/1', role: 'peer', peerId: 'liar' })
    relays.push(connection)
  }
  const numbers = { generation: Date.UTC(2026, 0, 1), version: 1, lastSeq: 1, freeBytes: 0 }
  const record = { peerId: 'liar', host: '127.0.0.1', port: server.port, epoch, ...numbers }
  for (const relay of relays) await relay.request('mesh-join', { record })

  for (const peer of mesh.peers) {
    using api = apiOf(peer)
    const counts = async (): Promise<unknown> => {
      const { copies = [] } = (await api.why({ name })).contents[0] ?? {}
      return Object.fromEntries(copies.map(({ peerId, unproven }) => [peerId, unproven !== true]))
    }
    const expected = { peer1: true, peer2: true, liar: false }
    await expect.poll(counts, { timeout, message: peer.name }).toEqual(expected)
    expect(place).toBeGreaterThan(0)
  }
})
