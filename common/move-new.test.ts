import { link, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { moveInOwnFolder, moveNew, moveNewSync, moveOver } from './move-new.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

const refusing = (code: string) => (): Promise<void> =>
  Promise.reject(Object.assign(new Error('no links here'), { code }))

async function aFolder(): Promise<{ path: string; from: string; to: string }> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const { path } = folder
  await writeFile(join(path, 'from'), 'mine')
  return { path, from: join(path, 'from'), to: join(path, 'to') }
}

test.each([
  ['with links', (from: string, to: string) => moveNew(from, to, link)],
  ['without links', (from: string, to: string) => moveNew(from, to, refusing('EPERM'))],
  ['synchronously', async (from: string, to: string) => moveNewSync(from, to)],
])('%s: a file moves to a free name, and replaces nothing', async (_, move) => {
  const { path, from, to } = await aFolder()
  await mkdir(join(path, 'folder'))
  await symlink('nowhere', join(path, 'dangling'))
  await writeFile(join(path, 'file'), 'yours')
  for (const taken of ['folder', 'dangling', 'file'])
    expect(await move(from, join(path, taken))).toBe(false)
  expect(await readFile(join(path, 'file'), 'utf8')).toBe('yours')
  expect(await move(from, to)).toBe(true)
  expect(await readFile(to, 'utf8')).toBe('mine')
  expect(await readdir(path)).toEqual(['dangling', 'file', 'folder', 'to'])
})

test('what fails leaves nothing behind', async () => {
  const { path, to } = await aFolder()
  const missing = join(path, 'missing')
  await expect(moveNew(missing, to, refusing('ENOSYS'))).rejects.toMatchObject({ code: 'ENOENT' })
  await expect(moveNew(missing, to, refusing('EIO'))).rejects.toMatchObject({ code: 'EIO' })
  expect(await readdir(path)).toEqual(['from'])
})

test('a move in an own folder replaces nothing', async () => {
  const { path, from, to } = await aFolder()
  await writeFile(to, 'other')
  expect(await moveInOwnFolder(from, to)).toBe(false)
  expect(await readFile(to, 'utf8')).toBe('other')
  await rm(to)
  expect(await moveInOwnFolder(from, to)).toBe(true)
  expect(await readFile(to, 'utf8')).toBe('mine')
  expect(await readdir(path)).toEqual(['to'])
})

test('a file that replaces another loses its old name, also if both are one file', async () => {
  const { path, from, to } = await aFolder()
  await writeFile(to, 'other')
  await moveOver(from, to)
  expect(await readFile(to, 'utf8')).toBe('mine')
  await link(to, from)
  await moveOver(from, to)
  expect(await readFile(to, 'utf8')).toBe('mine')
  expect(await readdir(path)).toEqual(['to'])
})
