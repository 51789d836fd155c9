import { lstat, mkdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileStatOf } from '../../common/content/file-stat.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Folders } from './folders.ts'
import { removeIfSame } from './remove-file.ts'

test('a folder that is replaced by a link after the check loses no file elsewhere', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  const root = folders.root({ kind: 'replicated', owner: 'peer2' })
  const at = folders.at(root, 'd/file')
  await mkdir(join(root.path, 'd'), { recursive: true })
  await writeFile(at.path, 'replica')
  const stat = fileStatOf(await lstat(at.path, { bigint: true }))
  // The very same file, elsewhere: what its stat says is no protection.
  await rename(join(root.path, 'd'), join(temporary.path, 'elsewhere'))
  await symlink(join(temporary.path, 'elsewhere'), join(root.path, 'd'))

  expect(await removeIfSame({ at, stat })).toBe(false)
  expect(await readFile(join(temporary.path, 'elsewhere/file'), 'utf8')).toBe('replica')
})
