import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { TargetFile } from './target-file.ts'

async function aFolder(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return folder.path
}

function find(workingFolder: string, output?: string, replaces = false): Promise<TargetFile> {
  return TargetFile.find({ name: 'photos/a.jpg', output, workingFolder, replaces })
}

test('a folder gets the last part of the name, a path is taken as it is', async () => {
  const folder = await aFolder()
  await mkdir(join(folder, 'out'))
  expect((await find(folder)).path).toBe(join(folder, 'a.jpg'))
  expect((await find(folder, 'out')).path).toBe(join(folder, 'out', 'a.jpg'))
  expect((await find(folder, 'new/')).path).toBe(join(folder, 'new', 'a.jpg'))
  expect((await find(folder, 'out/b')).path).toBe(join(folder, 'out', 'b'))
  expect((await find('/elsewhere', join(folder, 'b'))).path).toBe(join(folder, 'b'))
})

test('what is unfinished is beside it, at the same place for every try', async () => {
  const folder = await aFolder()
  const target = await find(folder, 'b')
  expect(dirname(target.folderBeside)).toBe(folder)
  expect((await find(folder, 'b')).folderBeside).toBe(target.folderBeside)
  expect((await find(folder, 'c')).folderBeside).not.toBe(target.folderBeside)
})

test('a file of this content counts, one of another is in the way', async () => {
  const folder = await aFolder()
  const { path, sha256, size } = await aFile(folder, 'a.jpg')
  expect(await (await find(folder)).held(sha256)).toEqual({ path, size })
  const other = '0'.repeat(64)
  await expect((await find(folder)).held(other)).rejects.toMatchObject({
    code: 'FILE_EXISTS',
    details: { path },
  })
  expect(await (await find(folder, undefined, true)).held(other)).toBeUndefined()
  expect(await (await find(folder, 'nothing')).held(other)).toBeUndefined()
})

test('a finished file is moved here, and not over one that came meanwhile', async () => {
  const folder = await aFolder()
  const { path: partial, sha256 } = await aFile(folder, 'partial', { seed: 'one' })
  await writeFile(join(folder, 'a.jpg'), 'came meanwhile')
  await expect((await find(folder)).put(partial, sha256)).rejects.toMatchObject({
    code: 'FILE_EXISTS',
  })
  const bytes = await readFile(partial)
  const { path } = await (await find(folder, undefined, true)).put(partial, sha256)
  expect((await readFile(path)).equals(bytes)).toBe(true)
  expect(await readdir(folder)).toEqual(['a.jpg'])
})

test('what nobody can look at is not replaced either, unless that was asked for', async () => {
  const folder = await aFolder()
  const { path: partial, sha256 } = await aFile(folder, 'partial')
  await symlink('nowhere', join(folder, 'a.jpg'))
  await expect((await find(folder)).put(partial, sha256)).rejects.toMatchObject({
    code: 'FILE_EXISTS',
  })
  await (await find(folder, undefined, true)).put(partial, sha256)
  expect(await readdir(folder)).toEqual(['a.jpg'])
})

test('only a file is ever replaced', async () => {
  const folder = await aFolder()
  await mkdir(join(folder, 'a.jpg'))
  await symlink('/dev/null', join(folder, 'device'))
  for (const output of [undefined, 'device'])
    await expect((await find(folder, output, true)).held('0'.repeat(64))).rejects.toMatchObject({
      code: 'NAME_BLOCKED',
    })
})
