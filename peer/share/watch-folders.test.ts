import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { watchFolders } from './watch-folders.ts'

/** A watched folder, and what was told of it. */
class Watched implements AsyncDisposable {
  readonly path: string
  readonly told = new Set<string>()
  readonly files = new Set<string>()
  #onTold = (): void => {}
  readonly #stack: AsyncDisposableStack

  private constructor(path: string, stack: AsyncDisposableStack) {
    this.path = path
    this.#stack = stack
  }

  static async start(): Promise<Watched> {
    await using starting = new AsyncDisposableStack()
    const path = join(starting.use(await temporaryFolder()).path, 'watched')
    await mkdir(path)
    const watched = new Watched(path, starting.move())
    const { promise: ready, resolve: onReady } = Promise.withResolvers<void>()
    const listener = {
      onReady,
      onChange: (changed: string) => {
        watched.told.add(changed)
        watched.#onTold()
      },
      isFile: (changed: string) => watched.files.has(changed),
    }
    watched.#stack.use(watchFolders([path], listener, { log: silentLog }))
    await ready
    return watched
  }

  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  async write(...names: string[]): Promise<void> {
    await writeFile(this.at(...names), 'text')
  }

  /** Resolves when all these were told of since the last call. */
  async tells(...paths: string[]): Promise<boolean> {
    while (!paths.every((path) => this.told.has(path)))
      await new Promise<void>((resolve) => {
        this.#onTold = resolve
      })
    this.told.clear()
    return true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]()
  }
}

test('files that come and go are told, also in new folders', async () => {
  await using watched = await Watched.start()
  await mkdir(watched.at('new', 'deep'), { recursive: true })
  await watched.write('new', 'deep', 'a.txt')
  expect(await watched.tells(watched.at('new', 'deep', 'a.txt'))).toBe(true)
  await rm(watched.at('new', 'deep', 'a.txt'))
  expect(await watched.tells(watched.at('new', 'deep', 'a.txt'))).toBe(true)
})

test('of a folder that is moved its files are told, and what happens in it from then on', async () => {
  await using watched = await Watched.start()
  await mkdir(watched.at('old', 'deep'), { recursive: true })
  await watched.write('old', 'deep', 'a.txt')
  expect(await watched.tells(watched.at('old', 'deep', 'a.txt'))).toBe(true)

  await rename(watched.at('old'), watched.at('new'))
  expect(await watched.tells(watched.at('old'), watched.at('new', 'deep', 'a.txt'))).toBe(true)
  await watched.write('new', 'deep', 'b.txt')
  expect(await watched.tells(watched.at('new', 'deep', 'b.txt'))).toBe(true)
})

test('a folder that is made anew is watched, also the one that was to be watched', async () => {
  await using watched = await Watched.start()
  for (const folder of [watched.at('folder'), watched.path]) {
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'a.txt'), 'text')
    expect(await watched.tells(join(folder, 'a.txt'))).toBe(true)
    await rm(folder, { recursive: true })
    await mkdir(folder)
    await writeFile(join(folder, 'b.txt'), 'text')
    expect(await watched.tells(join(folder, 'b.txt'))).toBe(true)
    await writeFile(join(folder, 'c.txt'), 'text')
    expect(await watched.tells(join(folder, 'c.txt'))).toBe(true)
  }
})

test('what is known to be a file is told at once', async () => {
  await using watched = await Watched.start()
  watched.files.add(watched.at('a.txt'))
  await watched.write('a.txt')
  expect(await watched.tells(watched.at('a.txt'))).toBe(true)
})

test('a folder that is entered twice is watched once, and not at all in the end', async () => {
  const watching = (): number =>
    process.getActiveResourcesInfo().filter((kind) => kind.startsWith('FSEvent')).length
  const before = watching()
  await using folder = await temporaryFolder()
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>()
  const listener = { onReady, onChange: () => {}, isFile: () => false }
  const watch = watchFolders([folder.path, folder.path], listener, { log: silentLog })
  await ready
  // The folder, and the one above it.
  await expect.poll(watching).toBe(before + 2)
  await watch[Symbol.asyncDispose]()
  await expect.poll(watching).toBe(before)
})
