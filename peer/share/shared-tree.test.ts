import { existsSync } from 'node:fs'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { sha256 } from '../../common/content/hash.ts'
import { toAppError } from '../../common/errors.ts'
import type { Change } from '../../common/protocol/messages.ts'
import { ShareFixture } from '../testing/share-fixture.ts'
import type { TreeItem } from './tree-list.ts'

async function aPeer(files: Readonly<Record<string, string>> = {}): Promise<ShareFixture> {
  const peer = await ShareFixture.create()
  for (const [name, text] of Object.entries(files)) await peer.write(`shared/${name}`, text)
  await peer.start()
  return peer
}

function onDisk(peer: ShareFixture, name: string): string {
  return join(peer.path, 'shared', name)
}

async function listed(peer: ShareFixture, folder = ''): Promise<TreeItem[]> {
  const pages = await Array.fromAsync(peer.share.tree.list(folder))
  return pages.flat().toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function changesSince(peer: ShareFixture, seq: number): string[] {
  return peer.share.catalog.changesSince(seq, 1_000).map((change: Change) => {
    if (change.op !== 'remove') return `${change.op} ${change.name}`
    const { name, reason, renamedTo = '' } = change
    return `${reason} ${name} ${renamedTo}`.trim()
  })
}

async function* bytesOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

const { signal } = new AbortController()

describe('shared/ as a drive', () => {
  test('lists folders and files, shared or not, with what is known of them', async () => {
    await using peer = await aPeer({ 'a/b.txt': 'text', '.DS_Store': 'x', 'Фото.jpg': 'y' })
    await mkdir(onDisk(peer, 'empty'))
    await symlink('/etc/passwd', onDisk(peer, 'leaves'))
    const items = await listed(peer)
    expect(items.map(({ name, kind }) => `${kind} ${name}`)).toEqual([
      'file .DS_Store',
      'folder a',
      'folder empty',
      'file Фото.jpg',
    ])
    const [child] = await listed(peer, 'a')
    const hash = (await sha256(Buffer.from('text'))).toString('hex')
    expect(child).toMatchObject({ name: 'a/b.txt', size: 4, content: { sha256: hash } })
    expect(items[0]?.content).toBeUndefined()
    expect(await peer.share.tree.look('a/b.txt')).toEqual(child)
  })

  test('finds names that the disk spells in another normal form', async () => {
    await using peer = await aPeer({ ['cafe\u0301/a\u0308.txt']: 'text' })
    const names = (await listed(peer, 'caf\u00e9')).map(({ name }) => name)
    expect(names).toEqual(['caf\u00e9/\u00e4.txt'])
    await peer.share.tree.remove('caf\u00e9/\u00e4.txt')
    expect(await listed(peer, 'caf\u00e9')).toEqual([])
  })

  test('shows a file that was changed by another program as not read', async () => {
    await using peer = await aPeer({ a: 'old' })
    await writeFile(onDisk(peer, 'a'), 'newer')
    expect(await peer.share.tree.look('a')).toMatchObject({ size: 5 })
    expect((await peer.share.tree.look('a'))?.content).toBeUndefined()
  })

  test.each(['', 'b'])('has nothing in a folder that does not exist: %j', async (folder) => {
    await using peer = await aPeer()
    expect(await listed(peer, folder)).toEqual([])
  })

  test('creates folders, and refuses one in the place of a file', async () => {
    await using peer = await aPeer({ file: 'x' })
    await peer.share.tree.makeFolder('a/b')
    expect(await listed(peer, 'a')).toMatchObject([{ name: 'a/b', kind: 'folder' }])
    const refused = await peer.share.tree.makeFolder('file/b').catch(toAppError)
    expect(refused).toMatchObject({ code: 'NAME_BLOCKED' })
  })
})

describe('a removal', () => {
  test('of a file is a delete that the index has not seen yet', async () => {
    await using peer = await aPeer({ a: 'x', b: 'y' })
    const { lastSeq } = peer.share.catalog
    await peer.share.tree.remove('a')
    expect(existsSync(onDisk(peer, 'a'))).toBe(false)
    expect(peer.shared()).toEqual(['b'])
    expect(changesSince(peer, lastSeq)).toEqual(['deleted a'])
    const isGone = peer.share.tree.goneNames()
    expect([isGone('a'), isGone('b'), isGone('a/b'), isGone('ab')]).toEqual([
      true,
      false,
      true,
      false,
    ])
    peer.share.catalog.seenByIndex(peer.share.catalog.lastSeq)
    expect(peer.share.tree.goneNames()('a')).toBe(false)
  })

  test('of a folder removes what is below it, also what is not shared', async () => {
    const names = Array.from({ length: 120 }, (_, number) => `a/b/${number}`)
    await using peer = await aPeer(Object.fromEntries(names.map((name) => [name, name])))
    await writeFile(onDisk(peer, 'a/.DS_Store'), '')
    await symlink('/etc', onDisk(peer, 'a/link'))
    await mkdir(onDisk(peer, 'a/empty'))
    await peer.share.tree.remove('a')
    expect([existsSync(onDisk(peer, 'a')), existsSync('/etc')]).toEqual([false, true])
    expect(peer.shared()).toEqual([])
    expect(peer.share.keptFolders()).toEqual([])
    expect(peer.share.tree.goneNames()('a/b/5')).toBe(true)
  })

  test('of what is not there is refused', async () => {
    await using peer = await aPeer()
    const refused = await peer.share.tree.remove('a/b').catch(toAppError)
    expect(refused).toMatchObject({ code: 'NAME_NOT_FOUND' })
  })

  test('never follows a folder link out of shared/', async () => {
    await using peer = await aPeer({ a: 'x' })
    await mkdir(join(peer.path, 'outside'))
    await writeFile(join(peer.path, 'outside', 'file'), 'precious')
    await symlink('../outside', onDisk(peer, 'out'))
    for (const work of [
      () => peer.share.tree.remove('out/file'),
      () => peer.share.tree.move({ from: 'out/file', to: 'b', replace: true }),
      () => peer.share.tree.move({ from: 'a', to: 'out/file', replace: true }),
      () => peer.share.tree.copy({ from: 'out/file', to: 'b', replace: true }),
      () => peer.share.tree.makeFolder('out/folder'),
      () => peer.share.tree.open('out/file'),
    ]) {
      const { code } = toAppError(await work().catch((error: unknown) => error))
      expect(['NAME_NOT_FOUND', 'NAME_INVALID']).toContain(code)
    }
    expect(await readFile(join(peer.path, 'outside', 'file'), 'utf8')).toBe('precious')
    await peer.share.tree.remove('out')
    expect(existsSync(join(peer.path, 'outside', 'file'))).toBe(true)
  })
})

describe('a move', () => {
  test('of a file is a rename, recorded without reading it', async () => {
    await using peer = await aPeer({ a: 'text' })
    const { lastSeq } = peer.share.catalog
    await peer.share.tree.move({ from: 'a', to: 'new/b', replace: false })
    expect(await readFile(onDisk(peer, 'new/b'), 'utf8')).toBe('text')
    expect(changesSince(peer, lastSeq)).toEqual(['put new/b', 'renamed a new/b'])
    expect(peer.share.tree.goneNames()('a')).toBe(true)
    expect((await peer.share.tree.look('new/b'))?.content).toBeDefined()
  })

  test('of a folder renames each file in it', async () => {
    const names = Array.from({ length: 120 }, (_, number) => `old/b/${number}`)
    await using peer = await aPeer(Object.fromEntries(names.map((name) => [name, name])))
    await peer.share.tree.move({ from: 'old', to: 'new', replace: false })
    expect(peer.shared()).toEqual(names.map((name) => name.replace('old', 'new')).toSorted())
    expect((await peer.share.tree.look('new/b/7'))?.content).toBeDefined()
    expect(await peer.share.tree.look('old')).toBeUndefined()
  })

  test('replaces a file only if it may', async () => {
    await using peer = await aPeer({ a: 'text', b: 'other' })
    const move = async (replace: boolean): Promise<unknown> =>
      await peer.share.tree.move({ from: 'a', to: 'b', replace }).catch(toAppError)
    expect(await move(false)).toMatchObject({ code: 'NAME_EXISTS' })
    expect(await move(true)).toBeUndefined()
    expect([await readFile(onDisk(peer, 'b'), 'utf8'), peer.shared()]).toEqual(['text', ['b']])
  })

  test('from an ignored name shares the file once it is read', async () => {
    await using peer = await aPeer({ 'doc.txt': 'old' })
    await peer.share.tree.keep(bytesOf('newer'), { name: 'doc.txt~', replace: true, signal })
    expect(peer.shared()).toEqual(['doc.txt'])
    await peer.change(async () => {
      await peer.share.tree.move({ from: 'doc.txt~', to: 'doc.txt', replace: true })
      expect(await peer.share.tree.look('doc.txt')).toMatchObject({ size: 5 })
      await peer.clock.advance(10_000)
    })
    expect((await peer.share.tree.look('doc.txt'))?.content?.size).toBe(5)
  })

  test('to an ignored name takes the file out of the cluster', async () => {
    await using peer = await aPeer({ 'doc.txt': 'old' })
    await peer.share.tree.move({ from: 'doc.txt', to: 'doc.txt~', replace: true })
    expect([peer.shared(), existsSync(onDisk(peer, 'doc.txt~'))]).toEqual([[], true])
  })

  test('in both directions at the same time waits for neither', async () => {
    await using peer = await aPeer({ 'a/1': 'x', 'b/2': 'y' })
    await Promise.all([
      peer.share.tree.move({ from: 'a/1', to: 'b/1', replace: false }),
      peer.share.tree.move({ from: 'b/2', to: 'a/2', replace: false }),
    ])
    expect(peer.shared()).toEqual(['a/2', 'b/1'])
  })
})

describe('a copy', () => {
  test('of a shared file is shared, of an ignored one stays here', async () => {
    await using peer = await aPeer({ a: 'text', 'c~': 'kept' })
    await peer.share.tree.copy({ from: 'a', to: 'b', replace: false })
    await peer.share.tree.copy({ from: 'a', to: 'd~', replace: false })
    await peer.share.tree.copy({ from: 'c~', to: 'a', replace: true })
    expect(peer.shared()).toEqual(['a', 'b'])
    expect(await readFile(onDisk(peer, 'd~'), 'utf8')).toBe('text')
    expect(await readFile(onDisk(peer, 'a'), 'utf8')).toBe('kept')
  })
})

test('a kept file that breaks off leaves nothing', async () => {
  await using peer = await aPeer()
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half')
    throw new Error('gone')
  }
  const options = { name: 'a~', replace: true, signal }
  await expect(peer.share.tree.keep(broken(), options)).rejects.toThrow('gone')
  expect(await listed(peer)).toEqual([])
})

test('a received file gets the time that it had, also if its content was there', async () => {
  await using peer = await aPeer()
  const options = { name: 'a', replace: true }
  for (const modifiedMs of [1_500_000_000_123, 1_600_000_000_456]) {
    await peer.share.receive(bytesOf('text'), { ...options, modifiedMs })
    expect(await peer.share.tree.look('a')).toMatchObject({ modifiedMs, content: { size: 4 } })
  }
  await peer.rescan()
  expect((await peer.share.tree.look('a'))?.content).toBeDefined()
})

test('names that a move would share again are listed', async () => {
  await using peer = await aPeer({ 'a/1': 'x', 'a/2': 'y', 'b/1': 'z', c: 'w' })
  peer.share.unshare('b/1')
  peer.share.unshare('c')
  const { tree } = peer.share
  expect(await tree.unsharedTargets({ from: 'a', to: 'b' })).toEqual(['b/1'])
  expect(await tree.unsharedTargets({ from: 'a/1', to: 'c' })).toEqual(['c'])
  await tree.move({ from: 'a/1', to: 'c', replace: true })
  expect([peer.shared(), peer.share.isUnshared('c')]).toEqual([['a/2', 'c'], false])
})
