import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import { contentOf } from '../../common/testing/contents.ts'
import type { SmallFile } from '../shelf.ts'
import { ShareFixture } from '../testing/share-fixture.ts'
import type { Catalog } from './catalog.ts'

function aFile(
  name: string,
  text: string,
  kind: 'downloaded' | 'replicated' = 'downloaded',
): SmallFile {
  const { content, bytes } = contentOf(Buffer.from(text))
  const key: CopyKey = kind === 'replicated' ? { kind, name, owner: 'peer9' } : { kind, name }
  return { key, content, bytes }
}

async function adopt(peer: ShareFixture, ...files: SmallFile[]): Promise<string[]> {
  const entries = await peer.share.adoptGroup(files)
  return entries.map((one) => ('at' in one ? one.at.name : one.code))
}

const downloaded = (peer: ShareFixture, name: string): Promise<string> =>
  readFile(join(peer.path, 'downloaded', name), 'utf8')

test('small files are placed in one transaction, and not read again', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  let changes = 0
  peer.share.catalog.onChange(() => (changes += 1))
  const files = [aFile('a', 'one'), aFile('d/b', ''), aFile('d/e/ü c', 'three')]

  expect(await adopt(peer, ...files)).toEqual(['a', 'd/b', 'd/e/ü c'])

  expect(changes).toBe(1)
  expect(await downloaded(peer, 'd/e/ü c')).toBe('three')
  expect(await downloaded(peer, 'd/b')).toBe('')
  expect(await readdir(join(peer.path, '.tandem/incoming'))).toEqual([])
  expect(await peer.share.areThere([...files, aFile('a', 'other'), aFile('x', 'one')])).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
  const { lastSeq } = peer.share.catalog
  await peer.rescan()
  expect(peer.share.catalog.lastSeq).toBe(lastSeq)
})

test('nothing is overwritten: existing files stay, other content gets the next free name', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('downloaded/a', 'mine')
  await peer.write('downloaded/b', 'same')
  await peer.write('downloaded/folder', 'a file')
  await peer.start()
  const names = await adopt(
    peer,
    aFile('a', 'yours'),
    aFile('b', 'same'),
    aFile('folder/c', 'blocked'),
    aFile('../out', 'invalid'),
    aFile('d', 'good'),
  )
  expect(names).toEqual(['a (2)', 'b', 'NAME_BLOCKED', 'NAME_INVALID', 'd'])
  expect(await downloaded(peer, 'a')).toBe('mine')
  expect(await downloaded(peer, 'a (2)')).toBe('yours')
  expect(await readdir(join(peer.path, '.tandem/incoming'))).toEqual([])
})

test('a replica of other content is moved aside', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await adopt(peer, aFile('r', 'old', 'replicated'))
  expect(await adopt(peer, aFile('r', 'new', 'replicated'))).toEqual(['r'])
  expect(await readFile(join(peer.path, 'replicated/peer9/r'), 'utf8')).toBe('new')
  expect(peer.share.list('replicated', 9)).toHaveLength(1)
})

test('a file that was deleted from its place is not there', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await adopt(peer, aFile('a', 'one'), aFile('b', 'two'))
  await rm(join(peer.path, 'downloaded/a'))
  expect(await peer.share.areThere([aFile('a', 'one'), aFile('b', 'two')])).toEqual([false, true])
})

test('reports of the system about the files change nothing, until a user changes one', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await adopt(peer, aFile('a', 'one'), aFile('b', 'two'))
  const paths = ['a', 'b'].map((name) => join(peer.path, 'downloaded', name))
  const { lastSeq } = peer.share.catalog
  for (const path of paths) peer.onChange(path)
  await peer.clock.advance(1_000)
  await peer.write('downloaded/a', 'mine')
  await peer.change(async () => {
    for (const path of paths) peer.onChange(path)
    await peer.clock.advance(1_000)
  })
  expect(peer.share.catalog.lastSeq).toBe(lastSeq + 1)
  expect(peer.share.holds('a', aFile('', 'mine').content.sha256)).toBe(true)
})

test('files that the catalog could not record are found through the reports of the system', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  vi.spyOn(peer.share.catalog as Catalog, 'putUnflushed').mockImplementationOnce(() => {
    throw new AppError('DISK_FULL', { path: 'catalog', neededBytes: 1 })
  })
  const file = aFile('a', 'one')
  await expect(adopt(peer, file)).rejects.toMatchObject({ code: 'DISK_FULL' })
  peer.onChange(join(peer.path, 'downloaded/a'))
  // Sooner than the next scan.
  const isKnown = async (): Promise<boolean> => {
    await peer.clock.advance(100)
    return peer.share.holds('a', file.content.sha256)
  }
  await expect.poll(isKnown, { timeout: 10_000, interval: 50 }).toBe(true)
})
