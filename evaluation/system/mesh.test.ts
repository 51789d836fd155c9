/** Peers without an index find one another, and keep the files as a cluster with an index does. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { tcpTransport } from '../../common/protocol/tcp-transport.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { MemberConnections } from '../../peer/mesh/member-connections.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf, startCluster } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import {
  filesPerPeer,
  lookUp,
  onDisks,
  sharedPath,
  shareFiles,
  startFilledMesh,
  statesAt,
  timeout,
  untilAtRest,
  untilTwoHomes,
} from './mesh-checks.ts'
import { type MeshCluster, quickMesh, startMesh } from './mesh-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

async function tandem(peer: TandemProcess, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await runTandem([...words, '--api', peer.apiUrl.origin])
  return stdout + stderr
}

test('peers wait for the one that they join, find one another, and go on without it', async () => {
  await using mesh = await startMesh({ peers: 4, isFirstLate: true })
  const [first, second, third] = [mesh.peer(1), mesh.peer(2), mesh.peer(3)]
  const files = await shareFiles(second.name, sharedPath(second, ''))
  expect(await statesAt(second)).toEqual({ peer2: 'live' })
  await first.start()
  await untilAtRest(mesh.peers, { contents: files.length })
  await untilTwoHomes(mesh.peers, files)

  await first.kill('SIGKILL')
  const others = [mesh.peer(2), mesh.peer(3), mesh.peer(4)]
  for (const peer of others)
    await expect.poll(() => statesAt(peer), { timeout }).toMatchObject({ peer1: 'dead' })
  const more = await shareFiles(third.name, sharedPath(third, ''))
  await untilAtRest(others, { contents: files.length + more.length })
  await untilTwoHomes(others, [...files, ...more])
})

test('peers that each listen on one address only count their own copies', async () => {
  const hosts = ['127.0.0.2', '127.0.0.3'].map((address) => ({
    address,
    prefix: [],
    openDoor: async () => new AsyncDisposableStack(),
  }))
  await using mesh = await startFilledMesh(hosts.length, { hosts })
  await untilTwoHomes(mesh.peers, mesh.files)
  expect(await statesAt(mesh.peer(1))).toEqual({ peer1: 'live', peer2: 'live' })
})

test('files of others are found, searched, and downloaded with their bytes', async () => {
  await using mesh = await startFilledMesh(3)
  for (const peer of mesh.peers) {
    using api = apiOf(peer)
    const { files } = await api.search({ q: '*.bin', limit: 50 })
    expect(files.map(({ name }) => name).toSorted()).toEqual(
      mesh.files.map(({ name }) => name).toSorted(),
    )
  }
  for (const { name, sha256, owner } of mesh.files.slice(filesPerPeer)) {
    const [found] = await lookUp(mesh.peer(1), name)
    expect(found).toMatchObject({ sha256 })
    expect(found?.sources.map(({ kind }) => kind).toSorted()).toEqual(['replicated', 'shared'])
    expect(found?.sources.find(({ kind }) => kind === 'shared')?.peerId).toBe(owner)
    const download = await downloadAndHash(mesh.peer(1), { name })
    expect(download).toMatchObject({ sha256, sha256OnDisk: sha256 })
  }
  await untilTwoHomes(mesh.peers, mesh.files)
})

test('the files of a killed peer get copies again, and extra ones of a returned peer go', async () => {
  await using mesh = await startFilledMesh(4)
  const lost = mesh.peer(2)
  const others = mesh.peers.filter((peer) => peer !== lost)
  await lost.kill('SIGKILL')
  for (const peer of others)
    await expect
      .poll(() => statesAt(peer), { timeout, interval: 20 })
      .toMatchObject({ peer2: 'suspect' })
  for (const peer of others)
    await expect.poll(() => statesAt(peer), { timeout }).toMatchObject({ peer2: 'dead' })
  await untilAtRest(others, { contents: mesh.files.length })
  await untilTwoHomes(others, mesh.files)

  await lost.start()
  await untilAtRest(mesh.peers, { contents: mesh.files.length })
  await untilTwoHomes(mesh.peers, mesh.files)
  for (const { name, sha256 } of mesh.files)
    expect(await downloadAndHash(mesh.peer(3), { name })).toMatchObject({ sha256OnDisk: sha256 })
})

test('nothing is left under the old name of a renamed file, and edits are replicated', async () => {
  await using mesh = await startFilledMesh(3)
  const owner = mesh.peer(1)
  const [renamed, edited] = [mesh.files[0], mesh.files[1]]
  if (renamed === undefined || edited === undefined) throw new Error('there are no files')
  await mkdir(sharedPath(owner, 'new'))
  await rename(sharedPath(owner, renamed.name), sharedPath(owner, 'new/name.bin'))
  await writeFile(sharedPath(owner, edited.name), 'another text')
  const moved = { owner: owner.name, name: 'new/name.bin' }
  const rest = mesh.files.slice(2)
  await untilTwoHomes(mesh.peers, [moved, ...rest])
  for (const peer of mesh.peers) {
    await expect.poll(() => namesLike(peer, renamed.name), { timeout }).toEqual([])
    await expect
      .poll(async () => (await lookUp(peer, 'new/name.bin'))[0]?.sha256, { timeout })
      .toBe(renamed.sha256)
    await expect
      .poll(async () => (await lookUp(peer, edited.name))[0], { timeout })
      .toMatchObject({ size: 'another text'.length, sources: [{}, {}] })
  }
  const disks = new DiskContents()
  await expect
    .poll(
      async () => (await onDisks(mesh.peers, disks)).filter((path) => path.endsWith(renamed.name)),
      {
        timeout,
      },
    )
    .toEqual([])
  const copies = async (): Promise<string[]> => {
    const paths = mesh.peers.map(({ dataFolder }) =>
      join(dataFolder, 'replicated', owner.name, edited.name),
    )
    const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => '')))
    return texts.filter((text) => text === 'another text')
  }
  await expect.poll(copies, { timeout }).toHaveLength(1)
})

async function namesLike(peer: TandemProcess, q: string): Promise<string[]> {
  using api = apiOf(peer)
  return (await api.search({ q, limit: 50 })).files.map(({ name }) => name)
}

test('a deleted file goes to the trash, and another peer has it restored', async () => {
  await using mesh = await startFilledMesh(3)
  const [owner, other] = [mesh.peer(1), mesh.peer(3)]
  const [file] = mesh.files
  if (file === undefined) throw new Error('there are no files')
  await rm(sharedPath(owner, file.name))
  for (const peer of mesh.peers)
    await expect.poll(() => tandem(peer, 'trash'), { timeout }).toContain(file.name)
  expect(await tandem(other, 'lookup', file.name)).toContain('FILE_DELETED')
  expect(await tandem(other, 'restore', file.name)).toContain('peer1 shares it')
  expect(await downloadAndHash(other, { name: file.name })).toMatchObject({
    sha256OnDisk: file.sha256,
  })
  for (const peer of mesh.peers)
    await expect.poll(() => tandem(peer, 'trash'), { timeout }).toContain('No deleted files')
  await untilTwoHomes(mesh.peers, mesh.files)
})

test('decisions that one peer is told are those of all, also after they have ended', async () => {
  await using mesh = await startFilledMesh(4)
  const [first, second, third] = [mesh.peer(1), mesh.peer(2), mesh.peer(3)]
  const [hidden, wide] = [mesh.files[0], mesh.files[filesPerPeer]]
  if (hidden === undefined || wide === undefined) throw new Error('there are no files')
  using api = apiOf(second)
  await api.unshare({ name: hidden.name, force: true })
  for (const peer of mesh.peers)
    await expect.poll(() => namesLike(peer, hidden.name), { timeout }).toEqual([])

  expect(await tandem(third, 'replication', 'set', wide.name, '3')).not.toContain('Error')
  for (const peer of mesh.peers)
    await expect
      .poll(async () => (await lookUp(peer, wide.name))[0]?.sources.length, { timeout })
      .toBe(3)

  expect(await tandem(first, 'drain', 'peer4')).toContain('peer4')
  const isDraining = async (peer: TandemProcess): Promise<unknown> => {
    using known = apiOf(peer)
    return (await allPeers(known)).find(({ peerId }) => peerId === 'peer4')?.draining !== undefined
  }
  for (const peer of mesh.peers) await expect.poll(() => isDraining(peer), { timeout }).toBe(true)
  const lacking = async (peer: TandemProcess): Promise<number> => {
    using known = apiOf(peer)
    return (await known.peerSafety({ peerId: 'peer4' })).lacking.files
  }
  for (const peer of mesh.peers) await expect.poll(() => lacking(peer), { timeout }).toBe(0)
})

test('a peer that ends says so, and after its restart nothing is announced twice', async () => {
  // It is back before its files are copied, however slow the machine is.
  const index = { ...quickMesh.index, deadAfterMs: 600_000 }
  await using mesh = await startFilledMesh(3, { settings: { ...quickMesh, index } })
  const stopped = mesh.peer(3)
  const others = [mesh.peer(1), mesh.peer(2)]
  const before = await pulledChanges(mesh)
  expect(before).toBeGreaterThanOrEqual(2 * mesh.files.length)
  await stopped.kill('SIGTERM')
  for (const peer of others)
    await expect
      .poll(() => logOf(mesh, peer))
      .toMatch(/"peerId":"peer3","forGood":false,"msg":"peer left"/)
  await stopped.start()
  await untilAtRest(mesh.peers, { contents: mesh.files.length })
  expect(await pulledChanges(mesh)).toBe(before)
  const file = await aFile(sharedPath(stopped, ''), 'later.bin', { bytes: 10_000 })
  await untilAtRest(mesh.peers, { contents: mesh.files.length + 1 })
  await untilTwoHomes(mesh.peers, [{ owner: stopped.name, name: file.name }])
  // Two peers hear of the file, and two of its copy.
  await expect.poll(() => pulledChanges(mesh), { timeout }).toBe(before + 4)
})

async function logOf({ folder }: MeshCluster, { name }: TandemProcess): Promise<string> {
  return await readFile(join(folder, 'logs', name, 'tandem.1.log'), 'utf8')
}

/** The changes of other peers' catalogs that all peers together have taken over. */
async function pulledChanges(mesh: MeshCluster): Promise<number> {
  const counts = mesh.peers.map(async (peer) => {
    const pulled = (await logOf(mesh, peer)).matchAll(
      /"changes":(\d+),"msg":"changes of a member"/g,
    )
    return pulled.reduce((sum, [, count]) => sum + Number(count), 0)
  })
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
}

test('a peer that asks an index is no member of a mesh', async () => {
  await using cluster = await startCluster({ peers: 1, settings: quickSettings })
  await using connections = new MemberConnections(
    { peerId: 'peer9' },
    { transport: tcpTransport, clock: systemClock, log: silentLog },
  )
  const { port } = cluster.peer(1)
  const target = { address: { host: '127.0.0.1', port }, peerId: 'peer1' }
  const record = {
    peerId: 'peer9',
    generation: 1,
    version: 1,
    host: '127.0.0.1',
    port: 9,
    epoch: '0'.repeat(16),
    lastSeq: 0,
    freeBytes: 0,
  }
  const joined = connections.request(target, 'mesh-join', { record }, new AbortController().signal)
  await expect(joined).rejects.toMatchObject({ code: 'NO_MESH' })
})
