import { appendFile, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { type WatchFolder, watchEventsTold, watchFolders } from './watch-folders.ts'

/** A watched folder `shared`; what was told of it so far, as paths below the folder above it. */
async function aWatched(options: { watchFolder?: WatchFolder; linksTo?: string } = {}) {
  const folder = await temporaryFolder()
  const root = join(folder.path, 'shared')
  const { linksTo, ...others } = options
  await mkdir(join(folder.path, linksTo ?? 'shared'))
  if (linksTo !== undefined) await symlink(linksTo, root)
  const told: string[] = []
  const limitsTold: (string | undefined)[] = []
  const ready = Promise.withResolvers<void>()
  const below = (path: string): string => path.slice(folder.path.length + 1)
  const clock = others.watchFolder === undefined ? systemClock : new FakeClock()
  const watching = watchFolders(
    [root],
    {
      onChange: (path) => told.push(below(path)),
      onFolder: (path) => told.push(`${below(path)}/`),
      onReady: () => ready.resolve(),
      onLimit: (reason) => limitsTold.push(reason),
      isKnownFile: () => false,
    },
    { log: silentLog, clock, ...others },
  )
  onTestFinished(async () => {
    await watching[Symbol.asyncDispose]()
    await folder[Symbol.asyncDispose]()
  })
  await ready.promise
  const pathOf = (path: string): string => join(folder.path, path)
  const isTold = async (...expected: string[]): Promise<boolean> => {
    await expect
      .poll(() => expected.filter((path) => !told.includes(path)), { timeout: 5_000, interval: 10 })
      .toEqual([])
    told.length = 0
    return true
  }
  return { pathOf, isTold, told, limitsTold, clock }
}

test('created, changed and deleted files are reported', async () => {
  const { pathOf, isTold } = await aWatched()
  await writeFile(pathOf('shared/a'), 'a')
  expect(await isTold('shared/a')).toBe(true)
  await appendFile(pathOf('shared/a'), 'a')
  expect(await isTold('shared/a')).toBe(true)
  await rename(pathOf('shared/a'), pathOf('shared/b'))
  expect(await isTold('shared/a', 'shared/b')).toBe(true)
  await rm(pathOf('shared/b'))
  expect(await isTold('shared/b')).toBe(true)
})

test('new folders are reported as a whole, and watched with everything below them', async () => {
  const { pathOf, isTold } = await aWatched()
  await mkdir(pathOf('shared/x/y/z'), { recursive: true })
  await writeFile(pathOf('shared/x/y/z/first'), '')
  expect(await isTold('shared/x/')).toBe(true)
  await writeFile(pathOf('shared/x/y/z/second'), '')
  expect(await isTold('shared/x/y/z/second')).toBe(true)
})

test('a folder is followed to its new name, and what is moved in is watched', async () => {
  const { pathOf, isTold } = await aWatched()
  await mkdir(pathOf('shared/old/inner'), { recursive: true })
  expect(await isTold('shared/old/')).toBe(true)
  await rename(pathOf('shared/old'), pathOf('shared/new'))
  expect(await isTold('shared/old/', 'shared/new/')).toBe(true)
  await writeFile(pathOf('shared/new/inner/a'), '')
  expect(await isTold('shared/new/inner/a')).toBe(true)

  await mkdir(pathOf('outside/deep'), { recursive: true })
  await rename(pathOf('outside'), pathOf('shared/inside'))
  expect(await isTold('shared/inside/')).toBe(true)
  await writeFile(pathOf('shared/inside/deep/b'), '')
  expect(await isTold('shared/inside/deep/b')).toBe(true)

  await rename(pathOf('shared/inside'), pathOf('outside'))
  expect(await isTold('shared/inside/')).toBe(true)
})

test('a folder that is deleted and created again is watched again, also the root', async () => {
  const { pathOf, isTold } = await aWatched()
  for (const folder of ['shared/again', 'shared']) {
    await mkdir(pathOf(folder), { recursive: true })
    expect(await isTold(...(folder === 'shared' ? [] : [`${folder}/`]))).toBe(true)
    await rm(pathOf(folder), { recursive: true })
    expect(await isTold(`${folder}/`)).toBe(true)
    await mkdir(pathOf(folder))
    expect(await isTold(`${folder}/`)).toBe(true)
    await writeFile(pathOf(`${folder}/a`), '')
    expect(await isTold(`${folder}/a`)).toBe(true)
  }
})

test('a root that is a link is watched, and links below it are not followed', async () => {
  const { pathOf, isTold, told } = await aWatched({ linksTo: 'disk' })
  await mkdir(pathOf('elsewhere'))
  await symlink(pathOf('elsewhere'), pathOf('shared/link'))
  expect(await isTold('shared/link')).toBe(true)
  await writeFile(pathOf('elsewhere/not told'), '')
  await mkdir(pathOf('disk/new'))
  expect(await isTold('shared/new/')).toBe(true)
  await writeFile(pathOf('disk/new/a'), '')
  expect(await isTold('shared/new/a')).toBe(true)
  expect(told).toEqual([])
})

test('a limit of the system is reported with the sysctl, and retried', async () => {
  let isFull = true
  const watchFolder: WatchFolder = () => {
    if (isFull) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    return { [Symbol.dispose]: () => {} }
  }
  const { limitsTold, clock } = await aWatched({ watchFolder })
  expect(limitsTold).toEqual([expect.stringContaining('fs.inotify.max_user_watches')])

  isFull = false
  await (clock as FakeClock).advance(60_000)
  await expect.poll(() => limitsTold).toHaveLength(2)
  expect(limitsTold[1]).toBeUndefined()
})

test('if notifications may be lost, the whole root is reported', async () => {
  let say: Parameters<WatchFolder>[1] = () => {}
  const watchFolder: WatchFolder = (path, onEvent) => {
    if (path.endsWith('shared')) say = onEvent
    return { [Symbol.dispose]: () => {} }
  }
  const { told, clock } = await aWatched({ watchFolder })
  for (let count = 0; count <= watchEventsTold; count++) say('change', 'a')
  await (clock as FakeClock).advance(50)
  await expect.poll(() => told).toEqual(['shared/a', 'shared/'])
})

/** Stands for the system: watches what it is asked to unless it is `full`, and says what a test has it say. */
function aSystem() {
  const opened: string[] = []
  const say = new Map<string, Parameters<WatchFolder>[1]>()
  const system = { full: '', opened, say }
  const watchFolder: WatchFolder = (path, onEvent) => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (name === system.full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    opened.push(name)
    say.set(name, onEvent)
    return { [Symbol.dispose]: () => {} }
  }
  return { ...system, system, watchFolder }
}

test('watching a refused folder is retried, however much happens meanwhile', async () => {
  const { system, opened, say, watchFolder } = aSystem()
  const { pathOf, limitsTold, clock, isTold } = await aWatched({ watchFolder })
  system.full = 'below'
  await mkdir(pathOf('shared/below'))
  say.get('shared')?.('rename', 'below')
  await (clock as FakeClock).advance(50)
  expect(await isTold('shared/below/')).toBe(true)
  await expect.poll(() => limitsTold).toHaveLength(1)

  system.full = ''
  for (const pauseMs of [30_000, 30_000]) {
    await (clock as FakeClock).advance(pauseMs)
    say.get('shared')?.('change', 'a')
    await (clock as FakeClock).advance(50)
    expect(await isTold('shared/a')).toBe(true)
  }
  await expect.poll(() => limitsTold.length).toBe(2)
  expect(limitsTold[1]).toBeUndefined()
  expect(opened).toContain('below')
})

test('a folder that was created again with the same inode is watched again', async () => {
  const { opened, say, watchFolder } = aSystem()
  const { pathOf, clock, isTold } = await aWatched({ watchFolder })
  await mkdir(pathOf('shared/below'))
  for (const times of [1, 2]) {
    say.get('shared')?.('rename', 'below')
    await (clock as FakeClock).advance(50)
    expect(await isTold('shared/below/')).toBe(true)
    expect(opened.filter((name) => name === 'below')).toHaveLength(times)
  }
})

test('folders whose creation was lost among too many events are watched', async () => {
  const { opened, say, watchFolder } = aSystem()
  const { pathOf, clock, isTold } = await aWatched({ watchFolder })
  await mkdir(pathOf('shared/lost/deep'), { recursive: true })
  for (let count = 0; count <= watchEventsTold; count++) say.get('shared')?.('change', 'a')
  await (clock as FakeClock).advance(50)
  expect(await isTold('shared/')).toBe(true)
  expect(opened).toEqual(expect.arrayContaining(['lost', 'deep']))
})
