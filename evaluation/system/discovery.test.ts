/**
 * Peers of a mesh that find one another, and how they join: real processes, real datagrams through the
 * loopback interface, on ports that only one test uses.
 */
import { rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { startMesh } from './mesh-fixture.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const timeout = 40_000

async function livePeers(peer: TandemProcess): Promise<string[]> {
  using api = apiOf(peer)
  const peers = await allPeers(api)
  return peers
    .filter(({ state }) => state === 'live')
    .map(({ peerId }) => peerId)
    .toSorted()
}

/** Resolves when all these peers know these, themselves included. */
async function expectKnown(
  peers: readonly TandemProcess[],
  expected: readonly string[],
): Promise<void> {
  for (const peer of peers)
    await expect.poll(() => livePeers(peer), { timeout, message: peer.name }).toEqual(expected)
}

async function tandem(peer: TandemProcess, ...words: string[]): Promise<void> {
  await runTandem([...words, '--api', peer.apiUrl.origin])
}

async function joinError(peer: TandemProcess, address: string): Promise<unknown> {
  using api = apiOf(peer)
  return await api.joinMesh({ address }).catch((error: unknown) => error)
}

test('peers that are told of no other find one another, and again after all have restarted', async () => {
  await using mesh = await startMesh({ peers: 3, isDiscovering: true })
  const all = ['peer1', 'peer2', 'peer3']
  await expectKnown(mesh.peers, all)
  const later = await mesh.startPeer()
  await expectKnown([...mesh.peers], [...all, later.name])
  for (const peer of mesh.peers) await peer.kill('SIGKILL')
  for (const peer of mesh.peers) await peer.start()
  await expectKnown(mesh.peers, [...all, later.name])
  expect(mesh.peers.every(({ isRunning }) => isRunning)).toBe(true)
})

test('meshes with different discovery ports stay apart, until one is told of the other', async () => {
  await using one = await startMesh({ peers: 2, isDiscovering: true })
  await using other = await startMesh({ peers: 2, isDiscovering: true, firstNumber: 3 })
  await expectKnown(one.peers, ['peer1', 'peer2'])
  await expectKnown(other.peers, ['peer3', 'peer4'])
  using api = apiOf(one.peer(1))
  const { live } = await api.joinMesh({ address: `127.0.0.1:${other.peer(1).port}` })
  expect(live).toBeGreaterThanOrEqual(2)
  await expectKnown([...one.peers, ...other.peers], ['peer1', 'peer2', 'peer3', 'peer4'])
})

test('the hosts to join are tried in turn, for as long as it takes', async () => {
  await using mesh = await startMesh({ peers: 2, isFirstLate: true })
  const [first, second] = [mesh.peer(1), mesh.peer(2)]
  const third = await mesh.startPeer([1, 2])
  await expectKnown([second, third], ['peer2', 'peer3'])
  // Its only host is away: it lives on its own until it is told of another one.
  const fourth = await mesh.startPeer([1])
  await expectKnown([fourth], ['peer4'])
  await tandem(fourth, 'join', `127.0.0.1:${third.port}`)
  await expectKnown([second, third, fourth], ['peer2', 'peer3', 'peer4'])
  await first.start()
  await expectKnown(mesh.peers, ['peer1', 'peer2', 'peer3', 'peer4'])
  // The host that all joined goes away and returns under its address, alone.
  await first.kill('SIGKILL')
  await rm(first.dataFolder, { recursive: true })
  await first.start()
  await expectKnown(mesh.peers, ['peer1', 'peer2', 'peer3', 'peer4'])
  expect(mesh.peers.every(({ isRunning }) => isRunning)).toBe(true)
})

test('what cannot be joined is refused with the reason, and the peer goes on', async () => {
  await using mesh = await startMesh({ peers: 1 })
  const peer = mesh.peer(1)
  expect(await joinError(peer, `127.0.0.1:${peer.port}`)).toMatchObject({ code: 'JOIN_SELF' })
  expect(await joinError(peer, '127.0.0.1:1')).toMatchObject({ code: 'DIAL_FAILED' })
  expect(await joinError(peer, 'no-port')).toMatchObject({ code: 'BAD_REQUEST' })
  const web = createServer((socket) => {
    socket.on('error', () => {})
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
  })
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
  const { port } = web.address() as { port: number }
  expect(await joinError(peer, `127.0.0.1:${port}`)).toMatchObject({ code: 'BAD_FRAME' })
  web.close()
  await using cluster = await startCluster({ peers: 1 })
  const { index } = cluster
  const toIndex = await joinError(peer, `127.0.0.1:${index.port}`)
  expect(toIndex).toMatchObject({ code: 'BAD_REPLY' })
  expect(String(toIndex)).toContain('it is an index')
  const toOther = await joinError(peer, `127.0.0.1:${cluster.peer(1).port}`)
  expect(toOther).toMatchObject({ code: 'NO_MESH' })
  expect(await livePeers(peer)).toEqual(['peer1'])
})
