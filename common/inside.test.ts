import { closeSync } from 'node:fs'
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from './content/hash.ts'
import { isInside, leavesRoot, openFolderInside, openInside, openInsideSync } from './inside.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

test('a file behind a link is opened only if it is below the root', async () => {
  await using temporary = await temporaryFolder()
  const root = join(temporary.path, 'root')
  await mkdir(join(root, 'real'), { recursive: true })
  await mkdir(join(temporary.path, 'root-outside'))
  await writeFile(join(root, 'real/file'), 'inside')
  await writeFile(join(temporary.path, 'root-outside/file'), 'secret')
  await symlink('real', join(root, 'in'))
  await symlink('../root-outside', join(root, 'out'))

  await (await openInside({ root, path: join(root, 'in/file') })).close()
  closeSync(openInsideSync({ root, path: join(root, 'in/file') }))
  await (await openFolderInside({ root, path: join(root, 'in') })).close()
  const path = join(root, 'out/file')
  await expect(openInside({ root, path })).rejects.toSatisfy(leavesRoot)
  expect(() => openInsideSync({ root, path })).toThrow('leaves its folder')
  await expect(openFolderInside({ root, path: join(root, 'out') })).rejects.toSatisfy(leavesRoot)
  await expect(hashFile(path, { root })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
  expect((await hashFile(path)).content.size).toBe(6)
})

test('a root that is a link may come to lead elsewhere', async () => {
  await using temporary = await temporaryFolder()
  const root = join(temporary.path, 'root')
  for (const disk of ['one', 'two']) {
    await mkdir(join(temporary.path, disk))
    await writeFile(join(temporary.path, disk, 'file'), disk)
    await symlink(disk, join(temporary.path, 'next'))
    await rename(join(temporary.path, 'next'), root)
    await using file = await openInside({ root, path: join(root, 'file') })
    expect(await file.readFile('utf8')).toBe(disk)
  }
})

test('a folder is not inside one whose name is a prefix of its own', () => {
  expect(isInside('/a/b', '/a/b/c')).toBe(true)
  expect(isInside('/a/b', '/a/b')).toBe(true)
  expect(isInside('/a/b', '/a/bc')).toBe(false)
  expect(isInside('/', '/a')).toBe(true)
})
