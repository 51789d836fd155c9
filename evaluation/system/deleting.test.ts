/** Deleted files can be restored, renamed ones leave no old names, and neither survives a crash by half. */
import { mkdir, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { allPeers } from '../../peer/api/pages.ts'
import { apiOf, type Cluster, startCluster } from './cluster-fixture.ts'
import { quickSettings } from './quick-settings.ts'
import { runTandem } from './run-tandem.ts'
import type { TandemProcess } from './tandem-process.ts'

/** Starts peers, of which the first shares these files, and waits for their copies. */
async function startWith(names: readonly string[], peers: number): Promise<Cluster> {
  const prepare = async (peerId: string, sharedFolder: string): Promise<void> => {
    if (peerId !== 'peer1') return
    for (const name of names) {
      const path = join(sharedFolder, name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, `text of ${name}`)
    }
  }
  const cluster = await startCluster({ peers, settings: quickSettings, prepare })
  using api = apiOf(cluster.peer(1))
  await expect
    .poll(() => api.status(), { timeout: 60_000 })
    .toMatchObject({ contents: names.length, belowFactor: 0 })
  return cluster
}

/** The files below replicated/ of all peers but the owner. */
async function replicas(cluster: Cluster): Promise<string[]> {
  const found: string[] = []
  for (const { dataFolder } of cluster.peers) {
    const root = join(dataFolder, 'replicated')
    const entries = await readdir(root, { recursive: true, withFileTypes: true })
    for (const entry of entries)
      found.push(join(entry.parentPath, entry.name).slice(root.length + 1))
  }
  return [...new Set(found)].toSorted()
}

const shared = ({ dataFolder }: TandemProcess, name: string): string =>
  join(dataFolder, 'shared', name)

async function tandem(peer: TandemProcess, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await runTandem([...words, '--api', peer.apiUrl.origin])
  return stdout + stderr
}

test('a deleted file is restored at its owner, taken over without it, and emptied from all disks', async () => {
  await using cluster = await startWith(['keep', 'docs/plan', 'docs/other'], 3)
  const [owner, second] = [cluster.peer(1), cluster.peer(2)]
  for (const name of ['docs/plan', 'docs/other']) await rm(shared(owner, name))
  await expect.poll(() => tandem(second, 'trash')).toMatch(/docs\/other .*docs\/plan /s)
  expect(await tandem(second, 'lookup', 'docs/plan')).toContain('FILE_DELETED')
  expect(await tandem(second, 'search')).not.toContain('docs/plan')
  expect(await tandem(second, 'search', '--deleted', 'plan')).toContain('docs/plan')
  using api = apiOf(second)
  // The copies are made on the other two peers, never on the disk of the owner.
  await expect.poll(async () => (await api.trash({ q: '', limit: 9 })).files[0]?.copies).toBe(2)
  expect(await readdir(join(owner.dataFolder, 'replicated'))).toEqual([])

  await mkdir(shared(owner, 'docs/plan'), { recursive: true })
  const refused = await tandem(second, 'restore', 'docs/plan')
  expect(refused).toMatch(/RESTORE_REFUSED.*peer1 refused to restore.*it is a folder here/s)
  await rmdir(shared(owner, 'docs/plan'))
  expect(await tandem(second, 'restore', 'docs/plan')).toContain('peer1 shares it')
  expect(await readFile(shared(owner, 'docs/plan'), 'utf8')).toBe('text of docs/plan')

  await owner.kill('SIGKILL')
  await expect
    .poll(async () => (await allPeers(api)).find(({ peerId }) => peerId === 'peer1')?.state)
    .not.toBe('live')
  expect(await tandem(second, 'restore', 'docs/other')).toContain(
    'peer2 shares it instead of peer1',
  )
  expect(await readFile(shared(second, 'docs/other'), 'utf8')).toBe('text of docs/other')
  await owner.start()
  await expect.poll(() => tandem(second, 'trash')).toContain('No deleted files')

  await rm(shared(owner, 'docs/plan'))
  await expect.poll(() => tandem(owner, 'trash')).toContain('docs/plan')
  expect(await tandem(owner, 'trash', 'empty', 'docs')).toContain('Removed 1 deleted file')
  await expect
    .poll(() => replicas(cluster), { timeout: 30_000 })
    .toEqual(['peer1', 'peer1/keep', 'peer2', 'peer2/docs', 'peer2/docs/other'])
}, 120_000)

test('a renamed folder keeps nothing under its old name, although owner and holder are killed meanwhile', async () => {
  const numbers = Array.from({ length: 600 }, (_, number) => `${number % 7}/${number}`)
  await using cluster = await startWith(
    numbers.map((name) => `old/${name}`),
    2,
  )
  const [owner, holder] = [cluster.peer(1), cluster.peer(2)]
  await rename(shared(owner, 'old'), shared(owner, 'new'))
  const oldNames = async (): Promise<number> =>
    (await replicas(cluster)).filter((path) => path.startsWith('peer1/old')).length
  await expect.poll(oldNames, { interval: 5 }).toBeLessThan(600)
  await owner.kill('SIGKILL')
  await holder.kill('SIGKILL')
  await owner.start()
  await holder.start()
  await expect.poll(oldNames, { timeout: 60_000 }).toBe(0)
  using api = apiOf(owner)
  await expect
    .poll(() => api.status(), { timeout: 60_000 })
    .toMatchObject({ contents: 600, belowFactor: 0 })
  expect((await api.search({ q: 'old/**', limit: 9 })).files).toEqual([])
  expect((await api.trash({ q: '', limit: 9 })).files).toEqual([])
  const files = (await replicas(cluster)).filter((path) => path.split('/').length === 4)
  expect(files).toEqual(numbers.map((name) => `peer1/new/${name}`).toSorted())
}, 180_000)

test('a file deleted while its holder is away stays deleted when holder and an empty index return', async () => {
  await using cluster = await startWith(['keep', 'gone', 'hidden'], 2)
  const [owner, holder] = [cluster.peer(1), cluster.peer(2)]
  using api = apiOf(owner)
  await holder.kill('SIGKILL')
  await rm(shared(owner, 'gone'))
  await expect
    .poll(() => api.trash({ q: '', limit: 9 }))
    .toMatchObject({ files: [{ name: 'gone' }] })
  await api.emptyTrash({})
  await api.unshare({ name: 'hidden' })
  await cluster.index.kill('SIGKILL')
  await rm(cluster.index.dataFolder, { recursive: true })
  await cluster.index.start()
  await holder.start()
  const names = async (): Promise<string[]> =>
    (await api.search({ q: '', limit: 9 })).files.map(({ name }) => name)
  await expect
    .poll(async () => (await api.lookup({ name: 'keep' })).files[0]?.sources.length, {
      timeout: 30_000,
    })
    .toBe(2)
  expect(await names()).toEqual(['keep'])
}, 120_000)
