import { mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, makeFolderAgain } from './make-folder.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

test('a folder is made with those above it, and may be there', async () => {
  await using temporary = await temporaryFolder()
  const path = join(temporary.path, 'a/b/c')
  for (let time = 0; time < 2; time += 1) await makeFolder(path)
  await symlink('a', join(temporary.path, 'link'))
  await makeFolder(join(temporary.path, 'link'))
  expect((await stat(path)).isDirectory()).toBe(true)
  await writeFile(join(path, 'file'), '')
  await expect(makeFolder(join(path, 'file'))).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(makeFolder(join(path, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test('a folder is made again on its own disk only', async () => {
  await using temporary = await temporaryFolder()
  const { dev } = await stat(temporary.path)
  const path = join(temporary.path, 'own/partial')
  expect(() => makeFolderAgain(path, dev + 1)).toThrow('is gone')
  expect(await readdir(temporary.path)).toEqual([])
  makeFolderAgain(path, dev)
  await rm(join(temporary.path, 'own'), { recursive: true })
  await mkdir(path, { recursive: true })
  makeFolderAgain(path, dev + 1)
})
