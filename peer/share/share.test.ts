import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import { contentOf } from '../../common/testing/contents.ts'
import { ShareFixture } from '../testing/share-fixture.ts'
import type { Entry } from './entry.ts'

const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A fetched file that waits to be adopted. */
async function adopt(
  peer: ShareFixture,
  key: CopyKey & { replace?: boolean },
  text: string,
): Promise<Entry> {
  const partialPath = await peer.write('.tandem/partial/fetched', text)
  const { content, chunkList } = await hashFile(partialPath)
  return await peer.share.adopt({ key, partialPath, content, chunkList })
}

async function* stream(...pieces: string[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece)
}

const download = { kind: 'downloaded', name: 'a.txt' } as const

const incomingOf = (peer: ShareFixture): Promise<string[]> =>
  readdir(join(peer.path, '.tandem/incoming'))
const textOf = (peer: ShareFixture, path: string): Promise<string> =>
  readFile(join(peer.path, path), 'utf8')

test('a fetched file is moved into place, with its folders, and is in the catalog without being read', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()

  const entry = await adopt(peer, { kind: 'downloaded', name: 'a/b/c.txt' }, 'c')

  expect(entry.at.path).toBe(join(peer.path, 'downloaded/a/b/c.txt'))
  expect(await textOf(peer, 'downloaded/a/b/c.txt')).toBe('c')
  expect(await readdir(join(peer.path, '.tandem/partial'))).toEqual([])
  const { lastSeq } = peer.share.catalog
  await peer.rescan()
  expect(peer.share.catalog.lastSeq).toBe(lastSeq)
})

test('a download gets the next free name if another content has its own', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const key = { kind: 'downloaded', name: 'notes.txt' } as const

  const names = []
  for (const text of ['mine', 'yours', 'mine', 'theirs', 'yours'])
    names.push((await adopt(peer, key, text)).at.name)

  expect(names).toEqual([
    'notes.txt',
    'notes (2).txt',
    'notes.txt',
    'notes (3).txt',
    'notes (2).txt',
  ])
  expect(await readdir(join(peer.path, 'downloaded'))).toHaveLength(3)
})

test('a download does not overwrite files that are not in the catalog yet', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await peer.write('downloaded/a.txt', 'by hand')
  await mkdir(join(peer.path, 'downloaded/a (2).txt'))

  const entry = await adopt(peer, { kind: 'downloaded', name: 'a.txt' }, 'fetched')

  expect(entry.at.name).toBe('a (3).txt')
  expect(await textOf(peer, 'downloaded/a.txt')).toBe('by hand')
})

test('simultaneous downloads of one name get different names', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const adoptions = ['1', '2', '3', '4', '5'].map(async (text) => {
    const partialPath = await peer.write(`.tandem/partial/${text}`, text)
    const { content, chunkList } = await hashFile(partialPath)
    const key = { kind: 'downloaded', name: 'x' } as const
    return await peer.share.adopt({ key, partialPath, content, chunkList })
  })
  await Promise.all(adoptions)
  const texts = peer.share
    .list('downloaded', 10)
    .map(({ at }) => textOf(peer, `downloaded/${at.name}`))
  expect((await Promise.all(texts)).toSorted()).toEqual(['1', '2', '3', '4', '5'])
})

test('a replica replaces the previous version; another owner’s file of the same name stays', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const key = { kind: 'replicated', owner: 'peer2', name: 'a.txt' } as const

  await adopt(peer, key, 'version 1')
  await adopt(peer, { ...key, owner: 'peer3' }, 'other')
  await adopt(peer, key, 'version 2')

  expect(await textOf(peer, 'replicated/peer2/a.txt')).toBe('version 2')
  expect(await textOf(peer, 'replicated/peer3/a.txt')).toBe('other')
  expect(peer.share.find(sha256Of('version 1'))).toMatchObject([
    { at: { version: sha256Of('version 1') } },
  ])
  expect(peer.share.list('replicated', 10).map(({ at }) => at.owner)).toEqual(['peer2', 'peer3'])
})

test.each(['../escape', '/etc/passwd', 'a/../../b', 'nul\0', ''])(
  'nothing is written for the name %j',
  async (name) => {
    await using peer = await ShareFixture.create()
    await peer.start()
    const adoption = adopt(peer, { kind: 'replicated', owner: 'peer2', name }, 'x')
    await expect(adoption).rejects.toMatchObject({ code: 'NAME_INVALID' })
    expect(await readdir(join(peer.path, 'replicated'))).toEqual([])
  },
)

test('nothing is written through a link that leaves the folder', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await mkdir(join(peer.path, 'outside'))
  await symlink('../outside', join(peer.path, 'downloaded/away'))

  for (const name of ['away/a.txt', 'away/deeper/a.txt']) {
    const adoption = adopt(peer, { kind: 'downloaded', name }, 'x')
    await expect(adoption, name).rejects.toMatchObject({ code: 'NAME_INVALID' })
  }
  expect(await readdir(join(peer.path, 'outside'))).toEqual([])
  expect(await readdir(join(peer.path, '.tandem/partial'))).toEqual(['fetched'])
})

test('of a name and a name below it only the first is placed, unless it is a replica', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await adopt(peer, { kind: 'downloaded', name: 'a' }, 'a')
  await expect(adopt(peer, { kind: 'downloaded', name: 'a/b' }, 'b')).rejects.toMatchObject({
    code: 'NAME_BLOCKED',
    details: { reason: "'a' is a file here" },
  })
  const blocked = { code: 'NAME_BLOCKED', details: { name: 'c', reason: 'it is a folder here' } }
  await peer.write('shared/c/d', 'd')
  const push = peer.share.receive(stream('c'), { name: 'c', replace: true })
  await expect(push).rejects.toMatchObject(blocked)
  expect(await incomingOf(peer)).toEqual([])
})

const replica = { kind: 'replicated', owner: 'peer2' } as const

test('a replica whose path is taken gets another path, and keeps its name', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await adopt(peer, { ...replica, name: 'a' }, 'old file')
  await adopt(peer, { ...replica, name: 'd/e' }, 'old below')
  const below = await adopt(peer, { ...replica, name: 'a/b' }, 'new below')
  const file = await adopt(peer, { ...replica, name: 'd' }, 'new file')

  expect([below.at.name, below.at.diskName]).toEqual(['a/b', 'a (2)/b'])
  expect([file.at.name, file.at.diskName]).toEqual(['d', 'd (2)'])
  expect(await textOf(peer, 'replicated/peer2/a')).toBe('old file')
  expect(await textOf(peer, 'replicated/peer2/d/e')).toBe('old below')
  const names = () => peer.share.list('replicated', 10).map(({ at }) => at.name)
  const { lastSeq } = peer.share.catalog
  await peer.rescan()
  expect(names()).toEqual(['a', 'a/b', 'd', 'd/e'])
  expect(peer.share.catalog.lastSeq).toBe(lastSeq)
  await peer.stop()
  await peer.start()
  expect(names()).toEqual(['a', 'a/b', 'd', 'd/e'])

  // The next version of it stays where it is, also when the path of its name is free.
  const drop = async (name: string, text: string) =>
    await peer.share.removeReplica({ owner: 'peer2', name, sha256: sha256Of(text) })
  await drop('a', 'old file')
  await adopt(peer, { ...replica, name: 'a/b' }, 'newer below')
  expect(await textOf(peer, 'replicated/peer2/a (2)/b')).toBe('newer below')
  for (const [name, text] of [
    ['a/b', 'newer below'],
    ['a/b', 'new below'],
    ['d', 'new file'],
    ['d/e', 'old below'],
  ] as const)
    await drop(name, text)
  expect(names()).toEqual([])
  expect(await readdir(join(peer.path, 'replicated'))).toEqual([])
})

test('small replicas whose path is taken get another path, too', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const small = (name: string, text: string) => {
    const { content, bytes } = contentOf(Buffer.from(text))
    return { key: { ...replica, name }, content, bytes }
  }
  await peer.share.adoptGroup([small('a', 'old file')])
  await peer.share.adoptGroup([small('a/b', 'below'), small('a/c', 'beside it')])
  await peer.share.adoptGroup([small('a/b', 'below, again')])
  await peer.rescan()
  const entries = peer.share.list('replicated', 10)
  expect(entries.map(({ at }) => [at.name, at.diskName])).toEqual([
    ['a', 'a'],
    ['a/b', 'a (2)/b'],
    ['a/c', 'a (2)/c'],
  ])
  expect(await textOf(peer, 'replicated/peer2/a')).toBe('old file')
  expect(await textOf(peer, 'replicated/peer2/a (2)/b')).toBe('below, again')
})

test('a file does not overwrite one of another name', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  await adopt(peer, { ...replica, name: 'a' }, 'a file')
  await adopt(peer, { ...replica, name: 'a/b' }, 'in the way')
  const entry = await adopt(peer, { ...replica, name: 'a (2)/b' }, 'of its own')
  expect([entry.at.name, entry.at.diskName]).toEqual(['a (2)/b', 'a (2)/b (2)'])
  expect(await textOf(peer, 'replicated/peer2/a (2)/b')).toBe('in the way')
})

test('folders that are removed while the peer runs are created again', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  for (const folder of ['.tandem/incoming', 'downloaded', 'replicated', 'shared'])
    await rm(join(peer.path, folder), { recursive: true })
  const { content, bytes } = contentOf(Buffer.from('small'))
  const key = { kind: 'downloaded', name: 'd/small' } as const
  expect(await peer.share.adoptGroup([{ key, content, bytes }])).toMatchObject([{ at: key }])
  await adopt(peer, { ...replica, name: 'a/b' }, 'a replica')
  await peer.share.receive(stream('pushed'), { name: 'p', replace: false })
  expect(await textOf(peer, 'downloaded/d/small')).toBe('small')
  expect(await textOf(peer, 'replicated/peer2/a/b')).toBe('a replica')
  expect(await textOf(peer, 'shared/p')).toBe('pushed')
  expect((await peer.share.room()).freeBytes).toBeGreaterThan(0)
})

test('a pushed stream becomes a shared file', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  const entry = await peer.share.receive(stream('hel', '', 'lo'), { name: 'a.txt', replace: false })
  expect(entry.content.sha256).toBe(sha256Of('hello'))
  expect(await textOf(peer, 'shared/a.txt')).toBe('hello')
  expect(await incomingOf(peer)).toEqual([])
})

test('a push replaces other content only when told to', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/a.txt', 'first')
  await peer.start()
  const push = (text: string, replace: boolean): Promise<Entry> =>
    peer.share.receive(stream(text), { name: 'a.txt', replace })

  await expect(push('second', false)).rejects.toMatchObject({ code: 'NAME_EXISTS' })
  expect(await textOf(peer, 'shared/a.txt')).toBe('first')
  expect(await incomingOf(peer)).toEqual([])

  await push('first', false)
  await push('second', true)
  expect(await textOf(peer, 'shared/a.txt')).toBe('second')
  expect(peer.share.get({ kind: 'shared', name: 'a.txt' })?.content.sha256).toBe(sha256Of('second'))
})

test('an interrupted push leaves nothing behind', async () => {
  await using peer = await ShareFixture.create()
  await peer.start()
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('half')
    throw new Error('connection lost')
  }
  const options = { name: 'a.txt', replace: false }
  await expect(peer.share.receive(broken(), options)).rejects.toThrow('connection lost')

  const signal = AbortSignal.abort(new Error('cancelled'))
  const push = peer.share.receive(stream('x'), { ...options, signal })
  await expect(push).rejects.toThrow('cancelled')
  expect(await incomingOf(peer)).toEqual([])
  expect(await readdir(join(peer.path, 'shared'))).toEqual([])
})

test('an unshared file stays on disk and out of the catalog until it is pushed again', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/a.txt', 'a')
  await peer.start()
  const { lastSeq } = peer.share.catalog

  peer.share.unshare('a.txt')
  expect(peer.share.catalog.changesSince(lastSeq, 10)).toMatchObject([
    { op: 'drop', name: 'a.txt' },
    { op: 'unshare', name: 'a.txt' },
  ])
  await peer.stop()
  await peer.write('shared/a.txt', 'edited')
  await peer.start()
  expect(peer.shared()).toEqual([])
  expect(peer.share.isUnshared('a.txt')).toBe(true)
  peer.share.unshare('a.txt')

  await peer.share.receive(stream('edited'), { name: 'a.txt', replace: false })
  expect(peer.shared()).toEqual(['a.txt'])
  expect(peer.share.isUnshared('a.txt')).toBe(false)
})

test('a name whose file is gone can be unshared, and stays so when the file returns', async () => {
  await using peer = await ShareFixture.create()
  const share = await peer.start()
  share.unshare('a.txt')
  await peer.stop()
  await peer.write('shared/a.txt', 'back')
  await peer.start()
  expect(peer.shared()).toEqual([])
})

test('a local copy is an independent file', async () => {
  await using peer = await ShareFixture.create()
  const source = await peer.write('replicated/peer2/deep/a.txt', 'content')
  await peer.start()

  const entry = await peer.share.copyLocal(sha256Of('content'), download)
  expect(entry?.at.path).toBe(join(peer.path, 'downloaded/a.txt'))
  expect((await stat(entry?.at.path ?? '')).ino).not.toBe((await stat(source)).ino)

  const again = await peer.share.copyLocal(sha256Of('content'), download)
  expect(again).toEqual(entry)
  expect(await readdir(join(peer.path, 'downloaded'))).toEqual(['a.txt'])
  expect(await incomingOf(peer)).toEqual([])
})

test('a local copy is never made from a file that changed behind the catalog’s back', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('replicated/peer2/a.txt', 'content')
  await peer.start()
  await peer.write('replicated/peer2/a.txt', 'rotten!')

  expect(await peer.share.copyLocal(sha256Of('content'), download)).toBeUndefined()
  await rm(path)
  expect(await peer.share.copyLocal(sha256Of('content'), download)).toBeUndefined()
  execFileSync('mkfifo', [path])
  expect(await peer.share.copyLocal(sha256Of('content'), download)).toBeUndefined()
  expect(await readdir(join(peer.path, 'downloaded'))).toEqual([])
  expect(await incomingOf(peer)).toEqual([])
})

test('a replica of a content that this peer has is a local copy', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('downloaded/mine.txt', 'content')
  await peer.start()
  const key = { kind: 'replicated', owner: 'peer2', name: 'theirs.txt' } as const

  const entry = await peer.share.copyLocal(sha256Of('content'), key)

  expect(entry?.at.path).toBe(join(peer.path, 'replicated/peer2/theirs.txt'))
  expect(await textOf(peer, 'replicated/peer2/theirs.txt')).toBe('content')
})

test('a replica is removed with the folders it leaves empty', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('replicated/peer2/deep/down/a.txt', 'a')
  await peer.write('replicated/peer2/b.txt', 'b')
  await peer.start()

  await peer.share.removeReplica({ owner: 'peer2', name: 'deep/down/a.txt', sha256: sha256Of('a') })
  expect(await readdir(join(peer.path, 'replicated/peer2'))).toEqual(['b.txt'])
  await peer.share.removeReplica({ owner: 'peer2', name: 'b.txt', sha256: sha256Of('b') })
  expect(await readdir(join(peer.path, 'replicated'))).toEqual([])
  expect(peer.share.totals().replicated).toEqual({ count: 0, bytes: 0 })
})

test('a replica with unexpected content stays', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('replicated/peer2/a.txt', 'version 2')
  await peer.start()
  const copy = { owner: 'peer2', name: 'a.txt' }

  await peer.share.removeReplica({ ...copy, sha256: sha256Of('version 1') })
  await peer.share.removeReplica({ ...copy, name: 'b.txt', sha256: sha256Of('version 2') })
  await writeFile(path, 'by hand')
  await peer.share.removeReplica({ ...copy, sha256: sha256Of('version 2') })

  expect(await textOf(peer, 'replicated/peer2/a.txt')).toBe('by hand')
})

test('a hard link of the same file is listed under both names', async () => {
  await using peer = await ShareFixture.create()
  const path = await peer.write('shared/a.txt', 'a')
  await link(path, join(peer.path, 'shared/b.txt'))
  await peer.start()
  const names = peer.share.find(sha256Of('a')).map(({ at }) => at.name)
  expect(names.toSorted()).toEqual(['a.txt', 'b.txt'])
})

test('pages of a listing follow each other', async () => {
  await using peer = await ShareFixture.create()
  for (const name of ['b', 'a', 'c']) await peer.write(`replicated/peer2/${name}`, name)
  await peer.write('replicated/peer3/b', 'b')
  const share = await peer.start()

  const first = share.list('replicated', 2)
  const last = first.at(-1)?.at
  const second = share.list('replicated', 10, last)
  const labels = [...first, ...second].map(({ at }) => `${at.owner}/${at.name}`)
  expect(labels).toEqual(['peer2/a', 'peer2/b', 'peer3/b', 'peer2/c'])
})

test('after disposing, nothing is accepted', async () => {
  await using peer = await ShareFixture.create()
  const share = await peer.start()
  await peer.stop()
  const push = share.receive(stream('x'), { name: 'a.txt', replace: false })
  await expect(push).rejects.toMatchObject({ code: 'STOPPING' })
  await share[Symbol.asyncDispose]()
})
