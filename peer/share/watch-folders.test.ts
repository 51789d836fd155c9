import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { type WatchListener, watchFolders } from './watch-folders.ts'

test('files that come and go are told, also in new folders', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'new', 'a.txt')
  let told = Promise.withResolvers<string>()
  const ready = Promise.withResolvers<void>()
  const listener: WatchListener = {
    onChange: (changed) => told.resolve(changed),
    onReady: () => ready.resolve(),
  }
  await using _watching = watchFolders([folder.path], listener, { log: silentLog })
  await ready.promise

  await mkdir(join(folder.path, 'new'))
  await writeFile(path, 'a')
  expect(await told.promise).toBe(path)

  told = Promise.withResolvers()
  await rm(path)
  expect(await told.promise).toBe(path)
})
