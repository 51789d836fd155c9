import { lstat, utimes, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { aFile } from '../testing/fixtures.ts'
import { temporaryFolder } from '../testing/temp-folder.ts'
import { type FileStat, fileStatOf, foundStatOf, isSameStat } from './file-stat.ts'

const stat: FileStat = { size: 1, mtimeNs: 2n, ino: 3n }

test('size, modification time and inode tell one file from another; the change time does not', () => {
  expect(isSameStat(stat, { ...stat, ctimeNs: 4n })).toBe(true)
  for (const other of [{ size: 2 }, { mtimeNs: 3n }, { ino: 4n }])
    expect(isSameStat(stat, { ...stat, ...other }), Object.keys(other)[0]).toBe(false)
})

test('a file that is written again is another one', async () => {
  await using folder = await temporaryFolder()
  const { path } = await aFile(folder.path, 'a')
  const before = foundStatOf(await lstat(path, { bigint: true }))
  expect(isSameStat(before, fileStatOf(await lstat(path, { bigint: true })))).toBe(true)
  await writeFile(path, Buffer.alloc(before.size))
  await utimes(path, 1, 1)
  expect(isSameStat(before, fileStatOf(await lstat(path, { bigint: true })))).toBe(false)
})
