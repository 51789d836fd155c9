import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { watchFolders } from './watch-folders.ts'

test('files that come and go are told, also in new folders', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'new', 'a.txt')
  let told = Promise.withResolvers<string>()
  await using _watching = await watchFolders([folder.path], (changed) => told.resolve(changed), {
    log: silentLog,
  })

  await mkdir(join(folder.path, 'new'))
  await writeFile(path, 'a')
  expect(await told.promise).toBe(path)

  told = Promise.withResolvers()
  await rm(path)
  expect(await told.promise).toBe(path)
})
