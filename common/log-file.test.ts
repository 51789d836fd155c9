import { closeSync, existsSync, openSync } from 'node:fs'
import { mkdir, readdir, readFile, rmdir, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LogFile } from './log-file.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

const bounds = { bytesMax: 20, filesMax: 3 }

function failing(): { errors: unknown[]; onError: (error: unknown) => void } {
  const errors: unknown[] = []
  return { errors, onError: (error) => errors.push(error) }
}

async function textOf(folder: string, number: number): Promise<string> {
  return await readFile(join(folder, `tandem.${number}.log`), 'utf8')
}

test('a full file is followed by the next; the oldest is removed, and nothing else', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'notes.txt'), 'stays')
  const { errors, onError } = failing()
  for (let run = 0; run < 2; run++) {
    using file = LogFile.open({ folder: folder.path, ...bounds }, { onError })
    for (let line = 0; line < 5; line++) file.write(`run ${run}, line ${line}\n`)
  }
  expect(errors).toEqual([])
  const names = await readdir(folder.path)
  expect(names.toSorted()).toEqual(['notes.txt', 'tandem.3.log', 'tandem.4.log', 'tandem.5.log'])
  // The second run continues the file that the first one left.
  expect(await textOf(folder.path, 3)).toBe('run 0, line 4\nrun 1, line 0\n')
  expect(await textOf(folder.path, 5)).toBe('run 1, line 3\nrun 1, line 4\n')
})

test.runIf(existsSync('/dev/full'))(
  'a full disk drops lines, is reported once, and is written again when it has space',
  async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'tandem.1.log')
    await symlink('/dev/full', path)
    const { errors, onError } = failing()
    using file = LogFile.open({ folder: folder.path, ...bounds }, { onError })
    for (let line = 0; line < 3; line++) file.write(`lost ${line}\n`)
    expect(errors).toMatchObject([{ code: 'ENOSPC' }])
    await unlink(path)
    file.write('written\n')
    expect(await textOf(folder.path, 1)).toBe('written\n')
    await unlink(path)
    await symlink('/dev/full', path)
    using again = LogFile.open({ folder: folder.path, ...bounds }, { onError })
    again.write('lost\n')
    expect(errors).toHaveLength(2)
  },
)

test('a next file that cannot be opened costs no older one', async () => {
  await using folder = await temporaryFolder()
  const { errors, onError } = failing()
  await writeFile(join(folder.path, 'tandem.1.log'), 'a long line of before\n')
  using file = LogFile.open({ folder: folder.path, ...bounds }, { onError })
  await mkdir(join(folder.path, 'tandem.2.log'))
  for (let line = 0; line < 5; line++) file.write(`lost ${line}\n`)
  expect(errors).toMatchObject([{ code: 'EISDIR' }])
  await rmdir(join(folder.path, 'tandem.2.log'))
  file.write('written\n')
  expect(await textOf(folder.path, 1)).toBe('a long line of before\n')
  expect(await textOf(folder.path, 2)).toBe('written\n')
})

test('after disposal nothing is written or created', async () => {
  await using folder = await temporaryFolder()
  const { errors, onError } = failing()
  const file = LogFile.open({ folder: folder.path, ...bounds }, { onError })
  file[Symbol.dispose]()
  file[Symbol.dispose]()
  // The descriptor is another file's now.
  const other = openSync(join(folder.path, 'other'), 'w')
  file.write('late\n')
  closeSync(other)
  expect([
    await textOf(folder.path, 1),
    await readFile(join(folder.path, 'other'), 'utf8'),
  ]).toEqual(['', ''])
  expect(errors).toEqual([])
})
