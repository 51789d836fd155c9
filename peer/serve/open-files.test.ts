import { execFileSync } from 'node:child_process'
import { appendFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { idleOpenFilesMax, OpenFiles, openFileIdleMs } from './open-files.ts'
import type { ServedFile } from './served-contents.ts'

async function aDisk(): Promise<{
  openFiles: OpenFiles
  clock: FakeClock
  aFile: (name: string) => Promise<ServedFile>
}> {
  const folder = await temporaryFolder()
  const clock = new FakeClock()
  const openFiles = new OpenFiles({ clock })
  onTestFinished(async () => {
    await openFiles[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })
  const aFile = async (name: string): Promise<ServedFile> => {
    const path = join(folder.path, name)
    await writeFile(path, name)
    const { content, stat } = await hashFile(path)
    return { at: { name, path, root: folder.path }, content, stat }
  }
  return { openFiles, clock, aFile }
}

test('two readers share one handle, which is closed after an idle time', async () => {
  const { openFiles, clock, aFile } = await aDisk()
  const file = await aFile('a')
  const one = await openFiles.use(file)
  const other = await openFiles.use(file)
  expect(one.handle).toBe(other.handle)
  one[Symbol.dispose]()
  one[Symbol.dispose]()
  await clock.advance(2 * openFileIdleMs)
  expect(openFiles.size).toBe(1)
  other[Symbol.dispose]()
  await clock.advance(openFileIdleMs - 1)
  expect(openFiles.size).toBe(1)
  await clock.advance(1)
  expect(openFiles.size).toBe(0)
  expect(clock.pending).toBe(0)
})

test('idle files are bounded, and files in use are not closed', async () => {
  const { openFiles, aFile } = await aDisk()
  const used = await openFiles.use(await aFile('used'))
  for (let i = 0; i < idleOpenFilesMax + 10; i += 1) {
    using _ = await openFiles.use(await aFile(`file ${i}`))
  }
  expect(openFiles.size).toBe(idleOpenFilesMax + 1)
  expect((await used.handle.stat()).size).toBe(4)
  used[Symbol.dispose]()
})

test('a reader keeps its handle when another finds the file changed', async () => {
  const { openFiles, aFile } = await aDisk()
  const file = await aFile('a')
  const one = await openFiles.use(file)
  await appendFile(file.at.path, 'more')
  await expect(openFiles.use(file)).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  expect(openFiles.size).toBe(0)
  expect((await one.handle.stat()).size).toBe(5)
  one[Symbol.dispose]()
})

test('a pipe in place of a file is detected without waiting for a writer', async () => {
  const { openFiles, aFile } = await aDisk()
  const file = await aFile('a')
  await rm(file.at.path)
  execFileSync('mkfifo', [file.at.path])
  await expect(openFiles.use(file)).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
})

test('after disposing, no file is opened', async () => {
  const { openFiles, aFile } = await aDisk()
  const file = await aFile('a')
  await openFiles[Symbol.asyncDispose]()
  await expect(openFiles.use(file)).rejects.toMatchObject({ code: 'STOPPING' })
})

test('a file whose folder was replaced by a link out of the root is not found, though it is the same file', async () => {
  const { openFiles, aFile } = await aDisk()
  const file = await aFile('a')
  const { root, path } = file.at
  const elsewhere = `${root}-elsewhere`
  onTestFinished(async () => await rm(elsewhere, { recursive: true, force: true }))
  await mkdir(join(root, 'd'))
  const at = { ...file.at, path: join(root, 'd/a') }
  await rename(path, at.path)
  ;(await openFiles.use({ ...file, at }))[Symbol.dispose]()
  await openFiles[Symbol.asyncDispose]()

  const { openFiles: others } = await aDisk()
  await rename(join(root, 'd'), elsewhere)
  await symlink(elsewhere, join(root, 'd'))
  await expect(others.use({ ...file, at })).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
    details: { path: 'a' },
  })
})
