import { mkdir, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { seededRandom } from '../../common/random.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Folders } from './folders.ts'
import { Staging } from './staging.ts'

async function aWorld() {
  const temporary = await temporaryFolder()
  onTestFinished(async () => await temporary[Symbol.asyncDispose]())
  const folders = new Folders(join(temporary.path, 'data'))
  await folders.create()
  for (const root of [folders.shared, folders.downloaded, folders.replicated])
    await folders.createRoot(root)
  let moves = 0
  /** Downloaded files are on another file system, as far as a rename can tell. */
  const move = async (from: string, to: string): Promise<void> => {
    moves += 1
    if (to.startsWith(folders.downloaded))
      throw Object.assign(new Error('cross-device link'), { code: 'EXDEV' })
    await rename(from, to)
  }
  const staging = new Staging(folders, { random: seededRandom('staging'), move })
  return { outside: temporary.path, folders, staging, moves: () => moves }
}

test('staging folders are on the file system of the destination', async () => {
  const { folders, staging, moves } = await aWorld()
  const { data, downloaded, replicated } = folders
  for (let time = 0; time < 2; time += 1) {
    expect(await staging.folderFor('replicated', 'partial')).toBe(join(data, '.tandem/partial'))
    expect(await staging.folderFor('downloaded', 'partial')).toBe(
      join(downloaded, '.tandem/partial'),
    )
  }
  expect(moves()).toBe(2)
  expect(await readdir(replicated)).toEqual([])
  expect(await readdir(downloaded)).toEqual(['.tandem'])
  expect(await readdir(join(data, '.tandem'))).toEqual(['incoming', 'partial'])
  expect(await staging.existing('partial')).toEqual([
    join(data, '.tandem/partial'),
    join(downloaded, '.tandem/partial'),
  ])
})

test('removed folders are created again', async () => {
  const { folders, staging } = await aWorld()
  for (const kind of ['shared', 'downloaded', 'replicated'] as const) {
    await staging.folderFor(kind, 'incoming')
    await rm(folders[kind], { recursive: true })
    await rm(join(folders.data, '.tandem'), { recursive: true, force: true })
    expect((await stat(await staging.folderFor(kind, 'incoming'))).isDirectory()).toBe(true)
    expect((await stat(folders[kind])).isDirectory()).toBe(true)
  }
})

test('a broken link, a file, and a missing data folder are distinguished', async () => {
  const { outside, folders, staging } = await aWorld()
  const reasonOf = async (kind: 'shared' | 'downloaded' | 'replicated'): Promise<string> =>
    await staging.folderFor(kind, 'partial').then(
      () => 'none',
      (error: unknown) => {
        const { code, details } = error as { code: string; details: { reason: string } }
        return `${code} ${details.reason}`
      },
    )
  await rm(folders.shared, { recursive: true })
  await symlink(join(outside, 'disk'), folders.shared)
  expect(await reasonOf('shared')).toBe(
    `DISK_FAILED it is a link to '${outside}/disk', which does not exist`,
  )
  await mkdir(join(outside, 'disk'))
  expect(await reasonOf('shared')).toBe('none')

  await rm(folders.downloaded, { recursive: true })
  await writeFile(folders.downloaded, '')
  expect(await reasonOf('downloaded')).toBe('DISK_FAILED it is not a folder')

  await rm(folders.data, { recursive: true })
  expect(await reasonOf('replicated')).toBe('DISK_FAILED the folder is gone')
  expect(await readdir(outside)).toEqual(['disk'])
})

test('a root on another disk is used when the guard accepts it, and refused when it does not', async () => {
  const { outside, folders } = await aWorld()
  let isAccepted = true
  const guard = {
    check: async () => {
      if (!isAccepted)
        throw new AppError('FOLDER_UNAVAILABLE', { folder: 'shared', reason: 'away' })
    },
  }
  const staging = new Staging(folders, { random: seededRandom('staging'), guard })
  const disk = join(outside, 'disk')
  const linkTo = async (target: string): Promise<void> => {
    await rm(folders.shared, { recursive: true })
    await symlink(target, folders.shared)
  }
  await mkdir(disk)
  await linkTo(disk)
  await staging.folderFor('shared', 'partial')
  // A file system of its own on every machine.
  await linkTo('/dev')
  expect((await staging.ensureRoot('shared')).dev).toBe((await stat('/dev')).dev)
  isAccepted = false
  await expect(staging.ensureRoot('shared')).rejects.toMatchObject({ code: 'FOLDER_UNAVAILABLE' })
  isAccepted = true
  await linkTo(disk)
  const folder = await staging.folderFor('shared', 'partial')
  expect((await stat(folder)).dev).toBe((await stat(disk)).dev)
})

test('folders on an unresponsive disk are skipped', async () => {
  const { folders } = await aWorld()
  const [own, there, away] = [folders.data, folders.shared, folders.downloaded].map((folder) =>
    join(folder, '.tandem/incoming'),
  )
  for (const folder of [there, away]) await mkdir(folder ?? '', { recursive: true })
  const check = async (path: string): Promise<void> => {
    if (path.startsWith(folders.downloaded)) throw new AppError('STOPPING')
  }
  const staging = new Staging(folders, { random: seededRandom('staging'), guard: { check } })
  expect(await staging.existing('incoming')).toEqual([own, there])
})
