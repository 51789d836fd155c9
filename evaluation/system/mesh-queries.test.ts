/** Peers of a mesh that have no room for what others share find it by asking. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import { type MeshCluster, quickMesh, startMesh } from './mesh-fixture.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

const timeout = 40_000
const filesCount = 8
const settings = {
  ...quickMesh,
  // Two of four peers die here.
  index: { ...quickMesh.index, brakeMs: 0 },
  peer: { ...quickMesh.peer, catalogBytesMax: 0 },
}

/** The peers on whose disks each file is. */
async function homes(mesh: MeshCluster, disks: DiskContents): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const { name: peer, dataFolder } of mesh.peers)
    for (const kind of ['shared', 'replicated/peer2', 'downloaded'])
      for (const { name } of await disks.below(join(dataFolder, kind)))
        found.set(name, [...(found.get(name) ?? []), peer])
  return found
}

/** What the status of each peer says of its knowledge. */
async function statesOf(peers: readonly TandemProcess[]): Promise<unknown[]> {
  return await Promise.all(
    peers.map(async (peer) => {
      using api = apiOf(peer)
      const { peers: known, belowFactor, aboveFactor = 0, tasks } = await api.status()
      return { live: known.live, belowFactor, aboveFactor, tasks }
    }),
  )
}

/**
 * What it says when nothing is left to do, and each knows all others: one that knows only a member
 * that dies never finds the rest.
 */
function atRest(peers: readonly TandemProcess[]): unknown[] {
  const tasks = { waiting: 0, running: 0 }
  return peers.map(() => ({ live: peers.length, belowFactor: 0, aboveFactor: 0, tasks }))
}

async function tandem(peer: TandemProcess, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await runTandem([...words, '--api', peer.apiUrl.origin])
  return stdout + stderr
}

test('files get two homes, and are found by those who know nothing of them', async () => {
  const files: Awaited<ReturnType<typeof aFile>>[] = []
  await using mesh = await startMesh({
    peers: 4,
    settings,
    prepare: async (owner, folder) => {
      if (owner !== 'peer2') return
      for (let i = 0; i < filesCount; i++)
        files.push(await aFile(folder, `docs/f${i}.bin`, { bytes: 10_000 }))
    },
  })
  const disks = new DiskContents()
  const counts = async (): Promise<number[]> =>
    Array.from((await homes(mesh, disks)).values(), (peers) => peers.length)
  const two = files.map(() => 2)
  await expect.poll(counts, { timeout }).toEqual(two)
  await expect.poll(() => statesOf(mesh.peers), { timeout }).toEqual(atRest(mesh.peers))

  const placed = await homes(mesh, disks)
  // No peer but the owner holds all: each of the others has to ask for some.
  for (const { name, sha256 } of files) {
    const holders = placed.get(name) ?? []
    const asker = mesh.peers.find((peer) => !holders.includes(peer.name))
    if (asker === undefined) throw new Error(`${name} is everywhere`)
    using api = apiOf(asker)
    const { files: found } = await api.lookup({ name })
    expect(found.map((content) => content.sha256)).toEqual([sha256])
    expect(found[0]?.sources.length).toBeGreaterThan(0)
  }
  expect(await homes(mesh, disks)).toEqual(placed)

  // A search learns of all from their holders; so does `why`.
  const lacking = mesh.peers.find(
    (peer) => files.filter(({ name }) => placed.get(name)?.includes(peer.name)).length < filesCount,
  )
  if (lacking === undefined) throw new Error('all peers have all files')
  const shown = await tandem(lacking, 'search', 'DOCS/F')
  for (const { name } of files) expect(shown).toContain(name)
  expect(await tandem(lacking, 'why', files[0]?.name ?? '')).toContain(files[0]?.name)

  const [file] = files
  const asker = mesh.peers.find((peer) => !(placed.get(file?.name ?? '') ?? []).includes(peer.name))
  if (file === undefined || asker === undefined) throw new Error('there are no files')
  expect(await tandem(asker, 'mesh')).toContain('those members are asked')
  const { sha256OnDisk } = await downloadAndHash(asker, { name: file.name })
  expect(sha256OnDisk).toBe(file.sha256)

  const answers = await tandem(mesh.peer(1), 'ask', 'docs/**')
  for (const { name } of files) expect(answers).toContain(name)
  await expect
    .poll(() => tandem(mesh.peer(1), 'queries'), { timeout })
    .toMatch(/mesh docs\/\*\*\s.*127\.0\.0\.1/)
  expect(await tandem(mesh.peer(1), 'lookup', 'docs/none')).toContain('NAME_NOT_FOUND')
}, 120_000)

test('files keep two homes while peers that know little of each other die and return', async () => {
  await using mesh = await startMesh({
    peers: 4,
    settings,
    prepare: async (owner, folder) => {
      if (owner !== 'peer2') return
      for (let i = 0; i < filesCount; i++) await aFile(folder, `f${i}.bin`, { bytes: 10_000 })
    },
  })
  const disks = new DiskContents()
  /** Files by the number of running peers that have them, and what the status of each says. */
  const rest = async (running: readonly TandemProcess[]): Promise<object> => {
    const names = running.map(({ name }) => name)
    const counts = Array.from(
      (await homes(mesh, disks)).values(),
      (peers) => peers.filter((peer) => names.includes(peer)).length,
    )
    return { counts, states: await statesOf(running) }
  }
  const untilAtRest = async (...numbers: number[]): Promise<void> => {
    const running = numbers.map((number) => mesh.peer(number))
    const expected = {
      counts: Array.from({ length: filesCount }, () => 2),
      states: atRest(running),
    }
    await expect.poll(() => rest(running), { timeout }).toEqual(expected)
  }
  await untilAtRest(1, 2, 3, 4)
  await mesh.peer(1).kill('SIGKILL')
  await untilAtRest(2, 3, 4)
  await mesh.peer(2).kill('SIGKILL')
  await untilAtRest(3, 4)
  await Promise.all([mesh.peer(1).start(), mesh.peer(2).start()])
  await untilAtRest(1, 2, 3, 4)
}, 180_000)
