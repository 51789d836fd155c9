import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { checkPush, noMoreThan } from './push-check.ts'

const freeBytes = 1_000

async function outcomeOf(
  name: string,
  bytesAnnounced: number | undefined,
  replace = false,
): Promise<string | number | undefined> {
  await using folder = await temporaryFolder()
  const root = folder.path
  await mkdir(join(root, 'folder'))
  await writeFile(join(root, 'five'), '12345')
  const at = { kind: 'shared' as const, name, diskName: name, root, path: join(root, name) }
  try {
    const room = { freeBytes: async () => freeBytes }
    return await checkPush({ at, replace, bytesAnnounced }, room)
  } catch (error) {
    return error instanceof AppError ? error.code : String(error)
  }
}

test.each<[string, string, number | undefined, boolean, string | number | undefined]>([
  ['a new name', 'new', 5, false, undefined],
  ['a new name in new folders', 'a/b/new', 5, false, undefined],
  ['a new name of unknown size', 'new', undefined, false, undefined],
  ['more than there is room for', 'new', freeBytes + 1, false, 'DISK_FULL'],
  ['as much as there is room for', 'new', freeBytes, false, undefined],
  ['more than a content may have', 'new', limits.contentBytesMax + 1, false, 'TOO_LARGE'],
  ['a taken name with another size', 'five', 6, false, 'NAME_EXISTS'],
  ['a taken name with the same size', 'five', 5, false, 5],
  ['a taken name with an unknown size', 'five', undefined, false, 5],
  ['a taken name that may be replaced', 'five', 6, true, undefined],
  ['the name of a folder', 'folder', 6, true, 'NAME_BLOCKED'],
  ['a name below a file', 'five/below', 6, true, 'NAME_BLOCKED'],
])('a push of %s', async (_, name, bytesAnnounced, replace, outcome) => {
  expect(await outcomeOf(name, bytesAnnounced, replace)).toBe(outcome)
})

test('bytes beyond the size of the file that has the name are not waited for', async () => {
  const taken: number[] = []
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (let piece = 1; ; piece += 1) {
      taken.push(piece)
      yield new Uint8Array(2)
    }
  }
  const reading = async (): Promise<void> => {
    for await (const piece of noMoreThan(5, endless(), 'a')) expect(piece.length).toBe(2)
  }
  await expect(reading()).rejects.toMatchObject({ code: 'NAME_EXISTS' })
  expect(taken).toEqual([1, 2, 3])
})
