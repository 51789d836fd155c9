/**
 * The network of five peers is cut between two and three of them, and healed: both sides go on by
 * themselves meanwhile, and have one truth afterwards. Nothing that was on a disk is lost.
 */
import assert from 'node:assert/strict'
import { utimes } from 'node:fs/promises'
import { expect, type TestContext, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { type LabHost, startNetworkLab, whyNoNetworkLab } from '../benchmarks/network-lab.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf } from './cluster-fixture.ts'
import { downloadAndHash } from './download-check.ts'
import {
  lookUp,
  type OwnedFile,
  onDisks,
  sharedPath,
  startFilledMesh,
  statesAt,
  timeout,
  untilAtRest,
  untilTwoHomes,
} from './mesh-checks.ts'
import { type MeshCluster, quickMesh } from './mesh-fixture.ts'
import type { TandemProcess } from './tandem-process.ts'

/** The hosts of the side that has fewer, in the order of the peers. */
const few = [3, 4]

interface Parted extends AsyncDisposable {
  readonly mesh: MeshCluster & { readonly files: readonly OwnedFile[] }
  /** The peers of each side. */
  readonly sides: readonly [readonly TandemProcess[], readonly TandemProcess[]]
  /** Cuts the network; resolves when the peers of each side have given up the others. */
  part(): Promise<void>
  heal(): Promise<void>
}

async function startParted({ skip }: TestContext): Promise<Parted> {
  const why = await whyNoNetworkLab()
  if (why !== undefined) return skip(why)
  await using starting = new AsyncDisposableStack()
  const { hosts } = starting.use(await startNetworkLab({ hosts: 5, megabitsPerSecond: 100 }))
  // Most of the peers that the smaller side knows die at the same time: no one waits for them to return.
  const settings = { ...quickMesh, index: { ...quickMesh.index, brakeMs: 0 } }
  const mesh = starting.use(await startFilledMesh(hosts.length, { hosts, settings }))
  const cutOff: LabHost[] = hosts.filter((_, place) => few.includes(place))
  const sides = [false, true].map((isFew) =>
    mesh.peers.filter((_, place) => few.includes(place) === isFew),
  )
  const [many, others] = sides
  assert(many && others)
  const started = starting.move()
  return {
    mesh,
    sides: [many, others],
    async part() {
      for (const host of cutOff) await host.partition()
      for (const side of [many, others])
        for (const peer of side) await untilDead(peer, side === many ? others : many)
    },
    async heal() {
      for (const host of cutOff) await host.heal()
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  }
}

async function untilDead(peer: TandemProcess, gone: readonly TandemProcess[]): Promise<void> {
  const dead = Object.fromEntries(gone.map(({ name }) => [name, 'dead']))
  await expect.poll(() => statesAt(peer), { timeout, message: peer.name }).toMatchObject(dead)
}

/** What a peer knows of all files: each version, with those that have it, and how. */
async function metadataAt(peer: TandemProcess): Promise<unknown> {
  using api = apiOf(peer)
  const { files } = await api.search({ q: '*', limit: 100 })
  const versions = files.map(async ({ name }) =>
    (await lookUp(peer, name)).map(({ sha256, sources }) => ({
      name,
      sha256,
      sources: sources.map(({ peerId, kind }) => `${peerId} ${kind}`).toSorted(),
    })),
  )
  return Object.groupBy((await Promise.all(versions)).flat(), ({ name }) => name)
}

/** The files that have a copy on one of these disks. */
async function onSide(
  side: readonly TandemProcess[],
  files: readonly OwnedFile[],
): Promise<OwnedFile[]> {
  const paths = await onDisks(side, new DiskContents())
  return files.filter(({ name }) => paths.some((path) => path.endsWith(`/${name}`)))
}

test('both sides of a partition go on, and are one mesh again when it heals', async (context) => {
  await using parted = await startParted(context)
  const { mesh, sides } = parted
  const files = [...mesh.files]
  await parted.part()

  for (const [number, side] of sides.entries()) {
    const [first, last] = [side[0], side.at(-1)]
    assert(first && last)
    const known = await onSide(side, mesh.files)
    const file = await aFile(sharedPath(last, ''), `new-${number}.bin`, { bytes: 10_000 })
    files.push({ ...file, owner: last.name })
    await untilTwoHomes(side, [...known, { owner: last.name, name: file.name }])
    for (const { name, sha256 } of [...known, file])
      expect(await lookUp(first, name)).toMatchObject([{ sha256 }])
    expect(await downloadAndHash(first, { name: file.name })).toMatchObject({
      sha256OnDisk: file.sha256,
    })
  }
  // The same name on both sides, the newer one where the fewer are.
  const versions: OwnedFile[] = []
  for (const [number, side] of sides.entries()) {
    const [owner] = side
    assert(owner)
    const made = { bytes: 10_000, seed: `version ${number}` }
    const file = await aFile(sharedPath(owner, ''), 'both.bin', made)
    await utimes(file.path, 0, 1_700_000_000 + 100 * number)
    await expect.poll(async () => (await lookUp(owner, file.name)).length, { timeout }).toBe(1)
    versions.push({ ...file, owner: owner.name })
  }

  await parted.heal()
  const all = [...files, ...versions]
  await untilAtRest(mesh.peers, { contents: all.length })
  await untilTwoHomes(mesh.peers, files)
  for (const peer of mesh.peers) {
    using api = apiOf(peer)
    const states = (await allPeers(api)).map(({ state }) => state)
    expect(states).toEqual(mesh.peers.map(() => 'live'))
    expect(await lookUp(peer, 'both.bin')).toMatchObject(
      versions.toReversed().map(({ sha256 }) => ({ sha256, sources: [{}, {}] })),
    )
  }
  const [reader, ...others] = mesh.peers
  assert(reader)
  const metadata = await metadataAt(reader)
  for (const peer of others) expect(await metadataAt(peer), peer.name).toEqual(metadata)
  for (const { name, sha256 } of all)
    expect(await downloadAndHash(reader, { name, sha256 })).toMatchObject({ sha256OnDisk: sha256 })
})
