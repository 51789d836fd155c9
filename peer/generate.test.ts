import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { fillEmptyFolder, fillNewShare, generatedFiles } from './generate.ts'
import { sharedFilesKnown } from './share/known-files.ts'
import { ShareFixture } from './testing/share-fixture.ts'

const options = { peerId: 'peer1', kb: 3, mb: 1, seed: 'seed' }

test('makes texts of 1 KiB and binary files of 1 MiB, named after the peer', async () => {
  await using folder = await temporaryFolder()
  const shared = join(folder.path, 'shared')

  expect(await fillEmptyFolder(shared, options)).toBe(4)

  expect((await readdir(shared)).toSorted()).toEqual([
    'peer1_kb_0001.txt',
    'peer1_kb_0002.txt',
    'peer1_kb_0003.txt',
    'peer1_mb_0001.bin',
  ])
  const text = await readFile(join(shared, 'peer1_kb_0002.txt'), 'utf8')
  expect(text).toMatch(/^peer1_kb_0002\.txt\n[a-z \n]+\n$/)
  expect(text).toHaveLength(1_024)
  expect((await stat(join(shared, 'peer1_mb_0001.bin'))).size).toBe(1_048_576)
})

test('leaves a folder that is not empty unchanged', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'mine.txt'), 'mine')

  expect(await fillEmptyFolder(folder.path, options)).toBe(0)

  expect(await readdir(folder.path)).toEqual(['mine.txt'])
})

test('fills the folder of a new peer, but not one whose disk is missing', async () => {
  await using peer = await ShareFixture.create()
  const folder = join(peer.path, 'shared')
  const fill = async (): Promise<number> =>
    await fillNewShare({ folder, knownFiles: peer.share.totals().shared.count }, options)
  await peer.start()
  expect(await fill()).toBe(4)
  // They are dated in the future of the fake clock: shared when seen unchanged.
  await peer.rescan()
  await peer.rescan()
  await expect.poll(() => peer.shared(), { interval: 5 }).toHaveLength(4)

  await peer.stop()
  await rename(folder, join(peer.path, 'disk'))
  await mkdir(folder)
  await peer.start()
  expect(await fill()).toBe(0)
  expect(await readdir(folder)).toEqual([])
  // A script learns of it from the catalog of a peer that does not run.
  expect(() => sharedFilesKnown(peer.path)).toThrow(
    expect.objectContaining({ code: 'DATA_IN_USE' }),
  )
  await peer.stop()
  expect(sharedFilesKnown(peer.path)).toBe(4)
  expect(sharedFilesKnown(join(peer.path, 'new'))).toBe(0)
})

test('the same seed generates the same bytes for any counts; another peer or seed does not', () => {
  const all = [...generatedFiles(options)]
  const textAlone = [...generatedFiles({ ...options, kb: 1, mb: 0 })]
  expect(textAlone[0]?.bytes.equals(all[0]?.bytes ?? Buffer.alloc(0))).toBe(true)

  const others = [{ peerId: 'peer2' }, { seed: 'other' }].flatMap((change) => [
    ...generatedFiles({ ...options, ...change }),
  ])
  const contents = [...all, ...others].map(({ bytes }) => bytes.toString('base64'))
  expect(new Set(contents).size).toBe(contents.length)
})
