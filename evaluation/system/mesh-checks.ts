/** Files of a mesh, and what its peers know and have of them. */
import { join } from 'node:path'
import { expect } from 'vitest'
import { aFile, type FileFixture } from '../../common/testing/fixtures.ts'
import type { CallReply, PeerApi } from '../../peer/api/calls.ts'
import { allPeers } from '../../peer/api/pages.ts'
import { DiskContents } from '../soak/disk-contents.ts'
import { apiOf } from './cluster-fixture.ts'
import { type MeshCluster, type MeshOptions, startMesh } from './mesh-fixture.ts'
import type { TandemProcess } from './tandem-process.ts'

/** Files of each peer at the start. */
export const filesPerPeer = 6
/** For what takes many steps of many processes, in milliseconds. */
export const timeout = 40_000

/** A file in shared/ of its owner. */
export interface OwnedFile extends FileFixture {
  readonly owner: string
}

/** Where a peer's shared file is. */
export const sharedPath = ({ dataFolder }: TandemProcess, name: string): string =>
  join(dataFolder, 'shared', name)

/** Writes {@link filesPerPeer} files with different contents. */
export async function shareFiles(owner: string, sharedFolder: string): Promise<OwnedFile[]> {
  const files: OwnedFile[] = []
  for (let i = 0; i < filesPerPeer; i++) {
    const file = await aFile(sharedFolder, `${owner}-${i}.bin`, { bytes: 10_000 })
    files.push({ ...file, owner })
  }
  return files
}

async function restState(api: PeerApi): Promise<unknown> {
  const { peers, contents, belowFactor, aboveFactor = 0, tasks } = await api.status()
  return { live: peers.live, contents, belowFactor, aboveFactor, tasks }
}

/** Resolves when every peer that runs knows of all others, and all files have their copies. */
export async function untilAtRest(
  peers: readonly TandemProcess[],
  { contents, live = peers.length }: { contents: number; live?: number },
): Promise<void> {
  const tasks = { waiting: 0, running: 0 }
  for (const peer of peers) {
    using api = apiOf(peer)
    await expect
      .poll(() => restState(api), { timeout, message: peer.name })
      .toEqual({ live, contents, belowFactor: 0, aboveFactor: 0, tasks })
  }
}

/** The state of each peer, as one of them knows it. */
export async function statesAt(peer: TandemProcess): Promise<Record<string, string>> {
  using api = apiOf(peer)
  return Object.fromEntries((await allPeers(api)).map(({ peerId, state }) => [peerId, state]))
}

/** The files of some peers, as `peer/folder/...`. */
export async function onDisks(
  peers: readonly TandemProcess[],
  disks: DiskContents,
): Promise<string[]> {
  const all = peers.flatMap(({ name: peer, dataFolder }) =>
    ['shared', 'replicated', 'downloaded'].map(async (kind) => {
      const files = await disks.below(join(dataFolder, kind))
      return files.map(({ name }) => `${peer}/${kind}/${name}`)
    }),
  )
  return (await Promise.all(all)).flat()
}

/** Resolves when each file is on two disks; downloads count, too. */
export async function untilTwoHomes(
  peers: readonly TandemProcess[],
  files: readonly Pick<OwnedFile, 'owner' | 'name'>[],
): Promise<void> {
  const disks = new DiskContents()
  const homes = async (): Promise<Record<string, number>> => {
    const found = await onDisks(peers, disks)
    return Object.fromEntries(
      files.map(({ owner, name }) => {
        const places = [
          `${owner}/shared/${name}`,
          `/replicated/${owner}/${name}`,
          `/downloaded/${name}`,
        ]
        return [name, found.filter((path) => places.some((place) => path.endsWith(place))).length]
      }),
    )
  }
  await expect
    .poll(homes, { timeout })
    .toEqual(Object.fromEntries(files.map(({ name }) => [name, 2])))
}

/** Peers with files that they had before they started: no index takes them for temporary ones. */
export async function startFilledMesh(
  peers: number,
  options: Pick<MeshOptions, 'settings' | 'hosts'> = {},
): Promise<MeshCluster & { files: OwnedFile[] }> {
  const files: OwnedFile[] = []
  const prepare = async (owner: string, folder: string): Promise<void> => {
    files.push(...(await shareFiles(owner, folder)))
  }
  const mesh = await startMesh({ ...options, peers, prepare })
  await untilAtRest(mesh.peers, { contents: files.length })
  return { ...mesh, files }
}

/** The files of that name that a peer knows, with all that have them. */
export async function lookUp(
  peer: TandemProcess,
  name: string,
): Promise<CallReply<'lookup'>['files']> {
  using api = apiOf(peer)
  return (await api.lookup({ name })).files
}
