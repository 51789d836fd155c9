import { writeFileSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { fileStatOf } from '../../common/content/file-stat.ts'
import { hashFile } from '../../common/content/hash.ts'
import { nameRefused } from '../../common/disk-error.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import { DamagedFiles } from './damaged-files.ts'
import { FolderQueues } from './folder-queues.ts'
import { Folders } from './folders.ts'
import { OwnWrites } from './own-writes.ts'
import { Placer } from './placer.ts'
import { ReplicaRemover } from './replica-remover.ts'
import { Staging } from './staging.ts'

interface WorldOptions {
  readonly spellingOf?: (name: string) => Promise<string>
  readonly rename?: typeof rename
  readonly onUnflushed?: () => void
}

async function aWorld(options: WorldOptions = {}) {
  const temporary = await temporaryFolder()
  onTestFinished(async () => await temporary[Symbol.asyncDispose]())
  const folders = new Folders(temporary.path)
  await folders.create()
  const catalog = new Catalog(folders, { random: seededRandom('catalog') })
  onTestFinished(() => catalog[Symbol.dispose]())
  const look = async (paths: readonly string[]) =>
    await Promise.all(paths.map(async (path) => fileStatOf(await lstat(path, { bigint: true }))))
  const ownWrites = new OwnWrites({ writer: { look } })
  const random = seededRandom('placer')
  const guard = { check: async () => {} }
  const staging = new Staging(folders, { random })
  const dependencies = {
    folders,
    catalog,
    ownWrites,
    staging,
    guard,
    random,
    bootId: 'boot',
  }
  const queues = new FolderQueues({ clock: new FakeClock() })
  const remover = new ReplicaRemover({ catalog, queues })
  const damaged = new DamagedFiles({ catalog, staging, clock: new FakeClock() })
  const placing = {
    ...dependencies,
    queues,
    remover,
    damaged,
    onUnflushed: () => {},
    onPlaced: () => {},
  }
  const placer = new Placer({ ...placing, ...options })
  const fetched = async (text: string) => {
    const partialPath = join(temporary.path, '.tandem/partial/fetched')
    await mkdir(dirname(partialPath), { recursive: true })
    await writeFile(partialPath, text)
    const { content, chunkList } = await hashFile(partialPath)
    return { partialPath, content, chunkList }
  }
  return { catalog, ownWrites, placer, fetched, path: temporary.path }
}

test('a replica and a download whose twin is on the disk get other names; a push is refused', async () => {
  const world = await aWorld({
    spellingOf: async (name) => name.replace(/^(a\.txt|dir)$/, (twin) => twin.toUpperCase()),
  })
  const { placer, fetched } = world
  const read = (path: string) => readFile(join(world.path, path), 'utf8')
  for (const kind of ['shared', 'downloaded', 'replicated/peer2']) {
    await mkdir(join(world.path, kind, 'dir'), { recursive: true })
    await writeFile(join(world.path, kind, 'a.txt'), 'the twin')
  }
  const replica = { kind: 'replicated', owner: 'peer2' } as const
  const adopt = async (key: CopyKey, text: string) => {
    const { at } = await placer.adopt({ key, ...(await fetched(text)), replace: true })
    return [at.name, at.diskName]
  }
  expect(await adopt({ ...replica, name: 'a.txt' }, 'r')).toEqual(['a.txt', 'a (2).txt'])
  expect(await adopt({ ...replica, name: 'dir/f' }, 'r')).toEqual(['dir/f', 'dir (2)/f'])
  const download = { kind: 'downloaded', name: 'a.txt' } as const
  expect(await adopt(download, 'd')).toEqual(['a (2).txt', 'a (2).txt'])
  const blocked = { code: 'NAME_BLOCKED' }
  await expect(adopt({ kind: 'shared', name: 'a.txt' }, 's')).rejects.toMatchObject(blocked)
  await expect(adopt({ kind: 'shared', name: 'dir/f' }, 's')).rejects.toMatchObject(blocked)
  for (const kind of ['shared', 'downloaded', 'replicated/peer2'])
    expect(await read(`${kind}/a.txt`), kind).toBe('the twin')
  expect(await read('replicated/peer2/a (2).txt')).toBe('r')
})

test('replacing a folder by a link while a file is placed writes nothing elsewhere', async () => {
  let swap = async (): Promise<void> => {}
  const world = await aWorld({
    spellingOf: async (name) => {
      await swap()
      return name
    },
  })
  const { placer, fetched, path } = world
  const folder = join(path, 'replicated/peer2/d')
  const outside = join(path, 'outside')
  await mkdir(folder, { recursive: true })
  await mkdir(outside)
  for (const at of [folder, outside]) await writeFile(join(at, 'f'), 'was here')
  const replica = { kind: 'replicated', owner: 'peer2', name: 'd/f' } as const
  swap = async () => {
    if ((await lstat(folder)).isSymbolicLink()) return
    await rename(folder, join(path, 'moved'))
    await symlink(outside, folder)
  }
  await placer.place({ key: replica, ...(await fetched('new')) }).catch(() => {})
  expect(await readFile(join(outside, 'f'), 'utf8')).toBe('was here')
  expect(await readdir(outside)).toEqual(['f'])
})

test('a part of a name that the disk refuses is an error of that name, and does not block others', async () => {
  // No file system takes 300 bytes; others refuse `what?`.
  const world = await aWorld()
  const name = `${'ä'.repeat(120)}/f`
  const key = { kind: 'downloaded', name: 'x' } as const
  const refused = async (): Promise<string> => {
    throw nameRefused(
      { name, path: 'the disk' },
      Object.assign(new Error('no'), { code: 'EINVAL' }),
    )
  }
  const { placer: refusing } = await aWorld({ spellingOf: refused })
  await expect(
    refusing.adopt({ key: { ...key, name }, ...(await world.fetched('x')) }),
  ).rejects.toMatchObject({ code: 'NAME_UNSUPPORTED', details: { name, reason: 'EINVAL' } })
  await world.placer.adopt({ key, ...(await world.fetched('x')) })
  expect(await readdir(join(world.path, 'downloaded'))).toEqual(['x'])
})

test('a report of the system about an adopted file before it is recorded does not make it read', async () => {
  const { catalog, ownWrites, placer, fetched } = await aWorld()
  const { partialPath, content } = await fetched('text')

  const placed = await placer.place({
    key: { kind: 'downloaded', name: 'a' },
    partialPath,
    content,
  })

  const { path } = placed.at
  expect(catalog.get({ kind: 'downloaded', name: 'a' })).toBeUndefined()
  expect(ownWrites.has(path)).toBe(true)
  expect(await ownWrites.changed([path])).toEqual([])
  await writeFile(path, 'changed by a user')
  expect(await ownWrites.changed([path])).toEqual([path])
})

// What the system says of a move from one file system to another.
async function refuse(): Promise<never> {
  throw Object.assign(new Error('cross-device link'), { code: 'EXDEV' })
}

test('a replica on a file system that is mounted below replicated/ is copied aside', async () => {
  const { placer, fetched, catalog, path } = await aWorld({ rename: refuse })
  const key = { kind: 'replicated', owner: 'peer2', name: 'd/f' } as const
  const adopt = async (text: string): Promise<string> =>
    (await placer.adopt({ key, ...(await fetched(text)) })).content.sha256
  const [first] = [await adopt('v1'), await adopt('v2')]
  expect(await readFile(join(path, 'replicated/peer2/d/f'), 'utf8')).toBe('v2')
  const aside = catalog.get({ ...key, version: first })
  expect(await readFile(aside?.at.path ?? '', 'utf8')).toBe('v1')
  expect(await readdir(dirname(aside?.at.path ?? ''))).toEqual(['f'])
  expect(await readdir(join(path, 'replicated/peer2/d'))).toEqual(['f'])
})

test('a file that takes the place of a replica while its copy is flushed is kept aside, too', async () => {
  const edits = ['edited']
  const { placer, fetched, catalog, path } = await aWorld({
    rename: refuse,
    onUnflushed: () => {
      for (const text of edits.splice(0)) writeFileSync(join(path, 'replicated/peer2/f'), text)
    },
  })
  const key = { kind: 'replicated', owner: 'peer2', name: 'f' } as const
  await placer.adopt({ key, ...(await fetched('v1')) })
  const edited = (await fetched('edited')).content.sha256
  await placer.adopt({ key, ...(await fetched('v2')) })
  expect(await readFile(join(path, 'replicated/peer2/f'), 'utf8')).toBe('v2')
  const aside = catalog.get({ ...key, version: edited })
  expect(await readFile(aside?.at.path ?? '', 'utf8')).toBe('edited')
})

test('a file that was replaced since its move was requested is neither moved nor removed', async () => {
  const { placer, fetched } = await aWorld()
  const { partialPath, content } = await fetched('first')
  const partialStat = fileStatOf(await lstat(partialPath, { bigint: true }))
  const key: CopyKey = { kind: 'replicated', owner: 'owner', name: 'name' }
  await writeFile(partialPath, 'second')
  await expect(placer.place({ key, content, partialPath, partialStat })).rejects.toMatchObject({
    code: 'CONTENT_CHANGED',
  })
  expect(await readFile(partialPath, 'utf8')).toBe('second')
})

test('a download that replaces certain contents keeps its name, or fails', async () => {
  const { placer, fetched, path } = await aWorld()
  const key = { kind: 'downloaded', name: 'a.txt' } as const
  const place = join(path, 'downloaded/a.txt')
  const adopt = async (text: string, ...replaced: string[]) => {
    const replacesOnly = await Promise.all(
      replaced.map(async (one) => (await fetched(one)).content.sha256),
    )
    return (await placer.adopt({ key, ...(await fetched(text)), replacesOnly })).at.diskName
  }
  const read = async () => await readFile(place, 'utf8')
  expect([await adopt('first'), await read()]).toEqual(['a.txt', 'first'])
  // Also of the same size.
  for (const next of ['second', 'other'])
    await expect(adopt(next, 'zeroth'), next).rejects.toMatchObject({ code: 'NAME_EXISTS' })
  expect([await adopt('second', 'first'), await read()]).toEqual(['a.txt', 'second'])
  expect(await readdir(dirname(place))).toEqual(['a.txt'])
  // Its user has written it since, and no scan has seen it.
  await writeFile(place, 'edited')
  await expect(adopt('third', 'second')).rejects.toMatchObject({ code: 'NAME_EXISTS' })
  expect(await read()).toBe('edited')
})
