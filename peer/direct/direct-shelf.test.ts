import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { AppError } from '../../common/errors.ts'
import { seededRandom } from '../../common/random.ts'
import { contentOf } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { aFile as aFileIn } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { FinishedFile, SmallFile } from '../shelf.ts'
import { DirectShelf } from './direct-shelf.ts'
import { findTarget, folderTarget, type Target } from './target.ts'

async function temporaryPath(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return folder.path
}

async function shelfOf(target: Target, { replaces = false } = {}): Promise<DirectShelf> {
  const dependencies = { clock: new FakeClock(), random: seededRandom('target') }
  const shelf = new DirectShelf(target, { replaces }, dependencies)
  onTestFinished(async () => await shelf[Symbol.asyncDispose]())
  await mkdir(target.folderBeside, { recursive: true })
  return shelf
}

/** One for a folder, and where that is. */
async function aFolderShelf(options?: { replaces: boolean }) {
  const target = folderTarget(join(await temporaryPath(), 'out'), '**')
  return { path: target.path, target, shelf: await shelfOf(target, options) }
}

/** One for the file `a.jpg` of a folder. */
async function aFileShelf(folder: string, options?: { replaces: boolean }): Promise<DirectShelf> {
  return await shelfOf(await findTarget('photos/a.jpg', { workingFolder: folder }), options)
}

const key = { kind: 'downloaded', name: 'photos/a.jpg' } as const

/** A finished file in a folder. */
async function finishedIn(folder: string, seed: string): Promise<FinishedFile> {
  const { path: partialPath } = await aFileIn(folder, 'partial', { seed })
  const { content, chunkList } = await hashFile(partialPath)
  return { key, content, chunkList, partialPath }
}

const aFile = (name: string, text: string): SmallFile => {
  const { content, bytes } = contentOf(Buffer.from(text))
  return { key: { kind: 'downloaded', name }, content, bytes }
}

const codesOf = async (shelf: DirectShelf, ...files: SmallFile[]) =>
  (await shelf.adoptGroup(files)).map((one) => (one instanceof AppError ? one.code : undefined))

test('files get their full names; existing ones of other content are kept', async () => {
  const { shelf, target } = await aFolderShelf()
  await writeFile(join(target.path, 'mine'), 'mine')
  await writeFile(join(target.path, 'same'), 'same')
  await mkdir(join(target.path, 'folder'))
  await symlink('/tmp', join(target.path, 'out'))
  const codes = await codesOf(
    shelf,
    aFile('a/b/c', 'c'),
    aFile('mine', 'yours'),
    aFile('same', 'same'),
    aFile('folder', 'x'),
    aFile('out/x', 'x'),
    aFile('../x', 'x'),
  )
  expect(codes).toEqual([
    undefined,
    'FILE_EXISTS',
    undefined,
    'NAME_BLOCKED',
    'NAME_INVALID',
    'NAME_INVALID',
  ])
  expect(await readFile(join(target.path, 'a/b/c'), 'utf8')).toBe('c')
  expect(await readFile(join(target.path, 'mine'), 'utf8')).toBe('mine')
  expect(await readdir(target.folderBeside)).toEqual([])
})

test('files of other content are replaced on request', async () => {
  const { shelf, target } = await aFolderShelf({ replaces: true })
  await writeFile(join(target.path, 'a'), 'mine')
  expect(await codesOf(shelf, aFile('a', 'yours'))).toEqual([undefined])
  expect(await readFile(join(target.path, 'a'), 'utf8')).toBe('yours')
})

test('a file that will be replaced offers its chunks until it is', async () => {
  const mebibyte = 2 ** 20
  const folder = await temporaryPath()
  const old = contentOf(seededRandom('old').bytes(3 * mebibyte))
  const path = join(folder, 'a.jpg')
  await writeFile(path, old.bytes)
  const shelf = await aFileShelf(folder, { replaces: true })
  const finished = await finishedIn(shelf.target.folderBeside, 'new')
  const { localChunks } = shelf
  const find = async () =>
    await localChunks.find(old.chunkList, [0, 2], new AbortController().signal)
  expect((await find()).size).toBe(0)
  expect(await shelf.copyLocal(finished.content.sha256, key)).toBeUndefined()
  const place = (chunk: number) => [
    chunk,
    { sha256: old.content.sha256, position: chunk * mebibyte },
  ]
  expect([...(await find())]).toEqual([place(0), place(2)])
  const opened = await localChunks.open(old.content.sha256)
  expect(opened?.descriptor).toBeGreaterThan(0)
  await opened?.[Symbol.asyncDispose]()
  await shelf.adopt(finished)
  expect((await find()).size).toBe(0)
})

test('existing files are recognized by their bytes', async () => {
  const { shelf, target } = await aFolderShelf()
  await writeFile(join(target.path, 'a'), 'same')
  await writeFile(join(target.path, 'b'), 'else')
  await writeFile(join(target.path, '../outside'), 'same')
  const files = ['a', 'b', 'c', '../outside'].map((name) => aFile(name, 'same'))
  expect(await shelf.areThere(files)).toEqual([true, false, false, false])
})

test('a read-only folder is reported', async () => {
  const { shelf, target } = await aFolderShelf()
  await rm(target.folderBeside, { recursive: true })
  await writeFile(target.folderBeside, '')
  await expect(shelf.adoptGroup([aFile('a', 'x')])).rejects.toMatchObject({ code: 'DISK_FAILED' })
})

test('a small file is flushed before it has its name, and then the folders that are new', async () => {
  const { shelf, target } = await aFolderShelf()
  await using handle = await open(target.folderBeside)
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  const flushed: string[] = []
  const flush = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    const what = (await this.stat()).isDirectory() ? 'folder' : 'file'
    const names = await readdir(join(target.path, 'a/b')).catch(() => [])
    flushed.push(`${what} ${names.join()}`)
  })
  onTestFinished(() => flush.mockRestore())
  expect(await codesOf(shelf, aFile('a/b/c', 'c'))).toEqual([undefined])
  expect(flushed).toEqual(['file ', 'folder c', 'folder c', 'folder c'])
})

test('a single file of this content is used, one of other content is an error', async () => {
  const folder = await temporaryPath()
  const { path, sha256, size } = await aFileIn(folder, 'a.jpg')
  const shelf = await aFileShelf(folder)
  expect(await shelf.copyLocal(sha256, key)).toMatchObject({ at: { path }, content: { size } })
  const other = '0'.repeat(64)
  await expect(shelf.copyLocal(other, key)).rejects.toMatchObject({
    code: 'FILE_EXISTS',
    details: { path },
  })
  const replacing = await aFileShelf(folder, { replaces: true })
  expect(await replacing.copyLocal(other, key)).toBeUndefined()
  expect(await (await aFileShelf(await temporaryPath())).copyLocal(other, key)).toBeUndefined()
})

test('a finished file is moved to its place, but not over one that appeared meanwhile', async () => {
  const folder = await temporaryPath()
  const file = await finishedIn(folder, 'one')
  await writeFile(join(folder, 'a.jpg'), 'came meanwhile')
  const shelf = await aFileShelf(folder)
  await expect(shelf.adopt(file)).rejects.toMatchObject({ code: 'FILE_EXISTS' })
  const bytes = await readFile(file.partialPath)
  const { at } = await (await aFileShelf(folder, { replaces: true })).adopt(file)
  expect((await readFile(at.path)).equals(bytes)).toBe(true)
  expect(await readdir(folder)).toEqual([basename(shelf.target.folderBeside), 'a.jpg'])
})

test('a broken link is also replaced only on request', async () => {
  const folder = await temporaryPath()
  const file = await finishedIn(folder, 'one')
  await symlink('nowhere', join(folder, 'a.jpg'))
  const shelf = await aFileShelf(folder)
  await expect(shelf.adopt(file)).rejects.toMatchObject({ code: 'FILE_EXISTS' })
  await (await aFileShelf(folder, { replaces: true })).adopt(file)
  expect((await lstat(join(folder, 'a.jpg'))).isFile()).toBe(true)
})

test('only files are ever replaced', async () => {
  const place = join(await temporaryPath(), 'a.jpg')
  const replacing = await aFileShelf(dirname(place), { replaces: true })
  await symlink('/dev/null', place)
  const held = async (): Promise<unknown> => await replacing.copyLocal('0'.repeat(64), key)
  await expect(held()).rejects.toMatchObject({ code: 'NAME_BLOCKED' })
  await rm(place)
  await mkdir(place)
  await expect(held()).rejects.toMatchObject({ code: 'NAME_BLOCKED' })
})
