import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { contentOf } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { TargetFolder } from './target-folder.ts'

async function aTarget({ replaces = false } = {}): Promise<TargetFolder> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const path = join(folder.path, 'out')
  const options = { path, pattern: '**', replaces }
  const target = new TargetFolder(options, {
    clock: new FakeClock(),
    random: seededRandom('target'),
  })
  onTestFinished(async () => await target[Symbol.asyncDispose]())
  await mkdir(target.folderBeside, { recursive: true })
  return target
}

const aFile = (name: string, text: string) => {
  const { content, bytes } = contentOf(Buffer.from(text))
  return { name, content, bytes }
}

const codesOf = async (target: TargetFolder, ...files: ReturnType<typeof aFile>[]) =>
  (await target.place(files)).map((error) => error?.code)

test('files get their whole names; those there with other content are kept', async () => {
  const target = await aTarget()
  await writeFile(join(target.path, 'mine'), 'mine')
  await writeFile(join(target.path, 'same'), 'same')
  await mkdir(join(target.path, 'folder'))
  await symlink('/tmp', join(target.path, 'out'))
  const codes = await codesOf(
    target,
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

test('files of other content are replaced if that was asked for', async () => {
  const target = await aTarget({ replaces: true })
  await writeFile(join(target.path, 'a'), 'mine')
  expect(await codesOf(target, aFile('a', 'yours'))).toEqual([undefined])
  expect(await readFile(join(target.path, 'a'), 'utf8')).toBe('yours')
})

test('what is there is known by its bytes', async () => {
  const target = await aTarget()
  await writeFile(join(target.path, 'a'), 'same')
  await writeFile(join(target.path, 'b'), 'else')
  await writeFile(join(target.path, '../outside'), 'same')
  const files = ['a', 'b', 'c', '../outside'].map((name) => aFile(name, 'same'))
  expect(await target.areThere(files)).toEqual([true, false, false, false])
})

test('a folder that nothing can be written to says so', async () => {
  const target = await aTarget()
  await rm(target.folderBeside, { recursive: true })
  await writeFile(target.folderBeside, '')
  await expect(target.place([aFile('a', 'x')])).rejects.toMatchObject({ code: 'DISK_FAILED' })
})

test('a small file is flushed before it has its name, and then the folders that are new', async () => {
  const target = await aTarget()
  await using handle = await open(target.folderBeside)
  const prototype = Object.getPrototypeOf(handle) as FileHandle
  const flushed: string[] = []
  const flush = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    const what = (await this.stat()).isDirectory() ? 'folder' : 'file'
    const names = await readdir(join(target.path, 'a/b')).catch(() => [])
    flushed.push(`${what} ${names.join()}`)
  })
  onTestFinished(() => flush.mockRestore())
  expect(await codesOf(target, aFile('a/b/c', 'c'))).toEqual([undefined])
  expect(flushed).toEqual(['file ', 'folder c', 'folder c', 'folder c'])
})
