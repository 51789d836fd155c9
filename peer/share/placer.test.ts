import { lstat, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import { fileStatOf } from './file-stat.ts'
import { Folders } from './folders.ts'
import { OwnWrites } from './own-writes.ts'
import { Placer } from './placer.ts'
import { Staging } from './staging.ts'

test('what the system tells of an adopted file before it is recorded is no reason to read it', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  await folders.create()
  using catalog = new Catalog(folders, { random: seededRandom('catalog') })
  const look = async (paths: readonly string[]) =>
    await Promise.all(paths.map(async (path) => fileStatOf(await lstat(path, { bigint: true }))))
  const ownWrites = new OwnWrites({ writer: { look } })
  const random = seededRandom('placer')
  const staging = new Staging(folders, { random })
  const clock = new FakeClock()
  const placer = new Placer({ folders, catalog, ownWrites, staging, clock, random })
  const partialPath = join(temporary.path, '.tandem/partial/fetched')
  await mkdir(dirname(partialPath), { recursive: true })
  await writeFile(partialPath, 'text')
  const { content } = await hashFile(partialPath)

  const placed = await placer.place({ kind: 'downloaded', name: 'a', partialPath, content })

  const { path } = placed.at
  expect(catalog.get({ kind: 'downloaded', name: 'a' })).toBeUndefined()
  expect(ownWrites.has(path)).toBe(true)
  expect(await ownWrites.changed([path])).toEqual([])
  await writeFile(path, 'changed by somebody')
  expect(await ownWrites.changed([path])).toEqual([path])
})
