/**
 * "Cannot look" is not "gone": folders are taken away from a running peer and from one that is
 * stopped, brought back, and replaced by others. Nothing may be dropped, read again or written
 * into what lies below a mount point until the folder is back or a user confirms.
 */
import { existsSync } from 'node:fs'
import { chmod, mkdir, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { ShareFixture } from '../testing/share-fixture.ts'

async function* stream(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

/** A running peer with so many files in one of its folders. */
async function aPeer(count: number, folder = 'shared'): Promise<ShareFixture> {
  const peer = await ShareFixture.create()
  for (let number = 0; number < count; number++)
    await peer.write(`${folder}/${number % 3}/file ${number}`, `text ${number}`)
  await peer.start()
  return peer
}

const totalOf = (peer: ShareFixture): number => {
  const { shared, downloaded, replicated } = peer.share.totals()
  return shared.count + downloaded.count + replicated.count
}

/** Moves a folder of the peer away, as unmounting does, and gives the way back. */
async function takeAway(
  peer: ShareFixture,
  folder: string,
  leaves: 'nothing' | 'an empty folder',
): Promise<() => Promise<void>> {
  const [path, away] = [join(peer.path, folder), join(peer.path, 'away')]
  await rename(path, away)
  if (leaves === 'an empty folder') await mkdir(path)
  return async () => {
    await rm(path, { recursive: true, force: true })
    await rename(away, path)
  }
}

for (const leaves of ['nothing', 'an empty folder'] as const)
  for (const folder of ['shared', 'downloaded', 'replicated/peer2'])
    test(`${folder} that leaves ${leaves} keeps its entries, and nothing is read when it returns`, async () => {
      await using peer = await aPeer(50, folder)
      const root = folder.replace('/peer2', '')
      const { lastSeq } = peer.share.catalog
      const bringBack = await takeAway(peer, root, leaves)
      await peer.rescan()
      await peer.rescan()

      expect(totalOf(peer)).toBe(50)
      expect(peer.share.keptFolders()).toMatchObject([{ folder: root, files: 50 }])
      expect(peer.share.problems()).toMatchObject([{ code: 'FOLDER_AWAY' }])
      expect(existsSync(join(peer.path, root))).toBe(leaves === 'an empty folder')

      await bringBack()
      await peer.rescan()
      expect(peer.share.catalog.lastSeq).toBe(lastSeq)
      expect(peer.share.keptFolders()).toEqual([])
      expect(peer.share.problems()).toEqual([])
    })

test('a peer that starts without its folder keeps the entries and does not create it', async () => {
  await using peer = await aPeer(3)
  const { lastSeq } = peer.share.catalog
  await peer.stop()
  const bringBack = await takeAway(peer, 'shared', 'nothing')
  await peer.start()

  expect(totalOf(peer)).toBe(3)
  expect(existsSync(join(peer.path, 'shared'))).toBe(false)

  await bringBack()
  await peer.rescan()
  expect(totalOf(peer)).toBe(3)
  expect(peer.share.catalog.changesSince(lastSeq, 10)).toEqual([])
})

for (const leaves of ['nothing', 'an empty folder'] as const)
  test(`nothing is pushed or placed where a folder left ${leaves}, also before a scan has seen it`, async () => {
    await using peer = await aPeer(3)
    const bringBack = await takeAway(peer, 'shared', leaves)
    const options = { name: 'new.txt', replace: false }

    await expect(peer.share.receive(stream('new'), options)).rejects.toMatchObject({
      code: 'FOLDER_UNAVAILABLE',
      message: expect.stringContaining('tandem deletes confirm') as string,
    })
    expect(await readdir(join(peer.path, '.tandem/incoming'))).toEqual([])

    await bringBack()
    await peer.share.receive(stream('new'), options)
    expect(peer.shared()).toContain('new.txt')
  })

test('small files are not placed in an unavailable folder, and each error says why', async () => {
  await using peer = await aPeer(3, 'downloaded')
  const path = await peer.write('elsewhere', 'text')
  const { content } = await hashFile(path)
  await takeAway(peer, 'downloaded', 'an empty folder')
  const key = { kind: 'downloaded', name: 'a/b' } as const

  const [outcome] = await peer.share.adoptGroup([{ key, content, bytes: Buffer.from('text') }])

  expect(outcome).toMatchObject({ code: 'FOLDER_UNAVAILABLE' })
  expect(await readdir(join(peer.path, 'downloaded'))).toEqual([])
})

test('files below a mount point are not mistaken for files of the folder', async () => {
  await using peer = await aPeer(3)
  const { lastSeq } = peer.share.catalog
  await takeAway(peer, 'shared', 'an empty folder')
  await peer.write('shared/0/file 0', 'something else')
  await peer.write('shared/below the mount point', 'new')
  await peer.rescan()

  expect(peer.share.catalog.lastSeq).toBe(lastSeq)
})

test('files that were moved to another disk are still the files of the folder', async () => {
  await using peer = await aPeer(4)
  await takeAway(peer, 'shared', 'an empty folder')
  for (const number of [0, 1, 2])
    await peer.write(`shared/${number % 3}/file ${number}`, `text ${number}`)
  await peer.rescan()

  expect(peer.share.keptFolders()).toEqual([])
  expect(peer.shared()).toEqual(['0/file 0', '1/file 1', '2/file 2'])
})

test('a folder that loses most of many files keeps them until all are back', async () => {
  await using peer = await aPeer(210)
  const bringBack = await takeAway(peer, 'shared/0', 'nothing')
  await rename(join(peer.path, 'shared/1'), join(peer.path, 'one'))
  await peer.rescan()
  expect(totalOf(peer)).toBe(210)
  expect(peer.share.keptFolders()).toMatchObject([{ folder: 'shared', files: 140 }])

  await bringBack()
  await peer.rescan()
  expect(totalOf(peer)).toBe(210)
  expect(peer.share.keptFolders()).toMatchObject([{ folder: 'shared', files: 70 }])

  await peer.stop()
  await peer.start()
  expect(totalOf(peer)).toBe(210)

  await rename(join(peer.path, 'one'), join(peer.path, 'shared/1'))
  await peer.rescan()
  expect(peer.share.keptFolders()).toEqual([])
})

test('some files may be deleted, even the last one', async () => {
  await using peer = await aPeer(4)
  await rm(join(peer.path, 'shared/0'), { recursive: true })
  await peer.rescan()
  expect(peer.shared()).toEqual(['1/file 1', '2/file 2'])

  for (const path of ['shared/1', 'shared/2']) {
    await rm(join(peer.path, path), { recursive: true })
    await peer.rescan()
  }
  expect(peer.shared()).toEqual([])
  expect(peer.share.keptFolders()).toEqual([])
})

test.each(['downloaded', 'replicated/peer2'])(
  'all copies in %s may be deleted: they no longer count',
  async (folder) => {
    await using peer = await aPeer(210, folder)
    for (const part of [0, 1, 2])
      await rm(join(peer.path, folder, String(part)), { recursive: true })
    await peer.rescan()
    expect(totalOf(peer)).toBe(0)
    expect(peer.share.keptFolders()).toEqual([])
    expect(peer.share.problems()).toEqual([])
  },
)

test('renaming a folder with all files loses nothing', async () => {
  await using peer = await ShareFixture.create()
  for (let number = 0; number < 120; number++)
    await peer.write(`shared/old/${number}`, `text ${number}`)
  await peer.start()
  await rename(join(peer.path, 'shared/old'), join(peer.path, 'shared/new'))
  await peer.rescan()

  expect(peer.share.keptFolders()).toEqual([])
  expect(peer.shared()).toHaveLength(120)
  expect(peer.shared()[0]).toBe('new/0')
})

test('confirming drops what is missing, creates the folder, and files can be pushed again', async () => {
  await using peer = await aPeer(3)
  await takeAway(peer, 'shared', 'nothing')
  await peer.rescan()

  expect(await peer.share.confirmDeletes()).toBe(3)

  expect(totalOf(peer)).toBe(0)
  expect(peer.share.keptFolders()).toEqual([])
  await peer.share.receive(stream('new'), { name: 'new.txt', replace: false })
  expect(await peer.share.confirmDeletes()).toBe(0)
  expect(peer.shared()).toEqual(['new.txt'])
})

test('confirming accepts another folder as the intended one, and reads its files', async () => {
  await using peer = await aPeer(3)
  await takeAway(peer, 'shared', 'an empty folder')
  await peer.write('shared/0/file 0', 'an older text')
  await peer.rescan()

  expect(await peer.share.confirmDeletes()).toBe(2)
  expect(peer.shared()).toEqual(['0/file 0'])
})

test('confirming an empty folder drops all its entries', async () => {
  await using peer = await aPeer(3)
  for (const folder of [0, 1, 2]) await rm(join(peer.path, `shared/${folder}`), { recursive: true })
  await peer.rescan()
  expect(peer.share.keptFolders()).toMatchObject([{ reason: 'is empty' }])

  expect(await peer.share.confirmDeletes()).toBe(3)
  expect(peer.share.problems()).toEqual([])
})

test('a broken link is an unavailable folder', async () => {
  await using peer = await ShareFixture.create()
  await mkdir(join(peer.path, 'disk'))
  await symlink(join(peer.path, 'disk'), join(peer.path, 'shared'))
  await peer.write('disk/a', 'a')
  await peer.start()
  expect(peer.shared()).toEqual(['a'])

  await rename(join(peer.path, 'disk'), join(peer.path, 'unplugged'))
  await peer.rescan()
  expect(peer.shared()).toEqual(['a'])
  expect(peer.share.keptFolders()).toMatchObject([{ folder: 'shared', reason: 'is missing' }])
  expect(existsSync(join(peer.path, 'disk'))).toBe(false)
})

test('a folder that became a file is unavailable', async () => {
  await using peer = await aPeer(1)
  await takeAway(peer, 'shared', 'nothing')
  await writeFile(join(peer.path, 'shared'), 'a file')
  await peer.rescan()
  expect(totalOf(peer)).toBe(1)
  await expect(peer.share.confirmDeletes()).rejects.toMatchObject({ code: 'FOLDER_UNAVAILABLE' })
})

test('files that cannot be served from an unavailable folder stay in the catalog', async () => {
  await using peer = await aPeer(3)
  const [entry] = peer.share.list('shared', 1)
  await takeAway(peer, 'shared', 'an empty folder')
  peer.share.recheck(entry?.at.path ?? '')
  await peer.rescan()
  expect(totalOf(peer)).toBe(3)
})

test.skipIf(process.getuid?.() === 0)(
  'an unreadable folder keeps its own entries and no others',
  async () => {
    await using peer = await aPeer(9)
    await rm(join(peer.path, 'shared/1'), { recursive: true })
    await chmod(join(peer.path, 'shared/0'), 0)
    await peer.rescan()
    await chmod(join(peer.path, 'shared/0'), 0o700)
    expect(peer.shared()).toHaveLength(6)
  },
)
