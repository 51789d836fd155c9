import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { copyBeside } from './copy-beside.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

test('a copy replaces and removes no existing file', async () => {
  await using folder = await temporaryFolder()
  const [from, to] = [join(folder.path, 'from'), join(folder.path, 'to')]
  await writeFile(from, 'new')
  await copyBeside(from, to)
  expect(await readFile(to, 'utf8')).toBe('new')
  await writeFile(to, 'other')
  await expect(copyBeside(from, to)).rejects.toMatchObject({ code: 'EEXIST' })
  expect(await readFile(to, 'utf8')).toBe('other')
  await expect(copyBeside(join(folder.path, 'none'), join(folder.path, 'x'))).rejects.toMatchObject(
    {
      code: 'ENOENT',
    },
  )
  expect(await readdir(folder.path)).toEqual(['from', 'to'])
})
