import { execFileSync } from 'node:child_process'
import { lstat, mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { BackgroundWork } from '../../common/background.ts'
import { fileStatOf } from '../../common/content/file-stat.ts'
import { seededRandom } from '../../common/random.ts'
import { contentOf } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import { Flusher, flushDelayMs, marksDelayMs } from './flusher.ts'
import { Folders } from './folders.ts'

/** A peer's downloaded/ with files that were written in the run of the machine called `before`. */
async function aWorld() {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const folders = new Folders(folder.path)
  await mkdir(folders.downloaded)
  await mkdir(join(folder.path, '.tandem'))
  const catalog = new Catalog(folders, { random: seededRandom('catalog') })
  onTestFinished(() => catalog[Symbol.dispose]())
  const pathOf = (name: string): string => join(folders.downloaded, name)
  return {
    catalog,
    pathOf,
    downloaded: async () => (await readdir(folders.downloaded)).toSorted(),
    put: async (name: string, text: string, modifiedSeconds?: number): Promise<void> => {
      await writeFile(pathOf(name), text)
      if (modifiedSeconds !== undefined)
        await utimes(pathOf(name), modifiedSeconds, modifiedSeconds)
      const at = folders.place({ kind: 'downloaded', name })
      const stat = fileStatOf(await lstat(at.path, { bigint: true }))
      const { content } = contentOf(Buffer.from(text))
      catalog.putUnflushed({ at, stat, content }, 'before')
    },
    flusher: (bootId: string, flushFolder?: (folder: string) => Promise<void>) => {
      const clock = new FakeClock()
      const work = new BackgroundWork({ log: silentLog })
      onTestFinished(async () => await work[Symbol.asyncDispose]())
      const guard = { isAway: () => false }
      const dependencies = { catalog, bootId, guard, work, clock, log: silentLog }
      const remover = { removeAside: async () => {} }
      const flusher = new Flusher({ ...dependencies, remover, ...(flushFolder && { flushFolder }) })
      return { clock, flusher }
    },
  }
}

test('after a reboot torn files are deleted, but not those that a user wrote since', async () => {
  const world = await aWorld()
  for (const name of ['whole', 'torn', 'gone', 'edited']) await world.put(name, `of ${name}`)
  await writeFile(world.pathOf('torn'), Buffer.alloc(7))
  await utimes(world.pathOf('torn'), 1_700_000_000, 1_700_000_000)
  await rm(world.pathOf('gone'))
  await writeFile(world.pathOf('edited'), 'by a user')
  await utimes(world.pathOf('edited'), 2_000_000_000, 2_000_000_000)

  await world.flusher('after').flusher.recover()

  expect(await world.downloaded()).toEqual(['edited', 'whole'])
  expect(world.catalog.list('downloaded', 10).map(({ at }) => at.name)).toEqual(['whole'])
  expect(world.catalog.unflushedBefore({ bootId: 'after', afterSeq: 0 }, 10)).toEqual([])
})

test('a file that a user put in place of another stays, whatever its time', async () => {
  const world = await aWorld()
  // The first was placed just now, the second some time ago.
  await world.put('torn', 'of torn')
  await world.put('restored', 'of restored', 1_700_000_000)
  for (const name of ['torn', 'restored']) {
    await writeFile(world.pathOf(name), 'something else')
    await utimes(world.pathOf(name), 1_600_000_000, 1_600_000_000)
  }
  await world.flusher('after').flusher.recover()
  expect(await world.downloaded()).toEqual(['restored'])
})

test('within one boot nothing is read again, and everything is flushed later', async () => {
  const world = await aWorld()
  for (const name of ['pipe', 'a', 'b', 'gone']) await world.put(name, `of ${name}`)
  await rm(world.pathOf('gone'))
  // Opening it for reading blocks until a writer appears.
  await rm(world.pathOf('pipe'))
  execFileSync('mkfifo', [world.pathOf('pipe')])
  const { clock, flusher } = world.flusher('before')
  await flusher.recover()
  const unflushed = (): string[] =>
    world.catalog.unflushed({ bootId: 'before', afterSeq: 0 }, 10).map(({ at }) => at.name)
  expect(world.catalog.list('downloaded', 10)).toHaveLength(4)
  expect(unflushed()).toHaveLength(4)
  await clock.advance(flushDelayMs)
  await expect.poll(unflushed).toEqual(['pipe'])
})

test('folders created for files are flushed with them, and the marks stay until that succeeds', async () => {
  const world = await aWorld()
  await mkdir(world.pathOf('a/b'), { recursive: true })
  await world.put('a/b/c', 'of c')
  const flushed = new Set<string>()
  let refusals = 1
  const { clock, flusher } = world.flusher('before', async (folder) => {
    if (refusals-- > 0) throw Object.assign(new Error('the disk fails'), { code: 'EIO' })
    flushed.add(relative(world.pathOf('..'), folder))
  })
  const marked = (): number => world.catalog.unflushed({ bootId: 'before', afterSeq: 0 }, 10).length
  flusher.soon()
  await clock.advance(flushDelayMs)
  await expect.poll(() => clock.pending).toBeGreaterThan(0)
  expect(marked()).toBe(1)
  await clock.advance(flushDelayMs)
  await expect.poll(marked).toBe(0)
  expect([...flushed].toSorted()).toEqual(['', 'downloaded', 'downloaded/a', 'downloaded/a/b'])
})

test('a folder that cannot be flushed keeps only the marks of its own files', async () => {
  const world = await aWorld()
  for (const folder of ['good', 'bad']) {
    await mkdir(world.pathOf(folder))
    for (let each = 0; each < 3; each += 1) await world.put(`${folder}/${each}`, 'x')
  }
  const { clock, flusher } = world.flusher('before', async (folder) => {
    if (folder.endsWith('bad')) throw Object.assign(new Error('the disk fails'), { code: 'EIO' })
  })
  const marked = (): string[] =>
    world.catalog.unflushed({ bootId: 'before', afterSeq: 0 }, 10).map(({ at }) => at.name)
  flusher.soon()
  await clock.advance(flushDelayMs)
  await expect.poll(marked).toEqual(['bad/0', 'bad/1', 'bad/2'])
})

test('the marks of files are on disk long before the system writes their names', async () => {
  const world = await aWorld()
  await world.put('a', 'of a')
  const { clock, flusher } = world.flusher('before')
  const sync = vi.spyOn(world.catalog, 'sync')
  flusher.soon()
  flusher.soon()
  await clock.advance(marksDelayMs)
  expect(sync).toHaveBeenCalledTimes(1)
  await sync.mock.results[0]?.value
  flusher.soon()
  await clock.advance(marksDelayMs)
  expect(sync).toHaveBeenCalledTimes(2)
  await sync.mock.results[1]?.value
})

test('a replaced entry is not waited for', async () => {
  const world = await aWorld()
  await world.put('a', 'first')
  await world.put('a', 'second')
  expect(world.catalog.unflushed({ bootId: 'before', afterSeq: 0 }, 10)).toHaveLength(1)
  world.catalog.drop({ kind: 'downloaded', name: 'a' })
  expect(world.catalog.unflushed({ bootId: 'before', afterSeq: 0 }, 10)).toEqual([])
})
