import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { threadIdleMs } from '../../common/thread/thread-caller.ts'
import { filesPerWalkPage } from './walk-thread.ts'
import { Walker } from './walker.ts'

test('a walk continues however long the files of a page take, and its thread ends after it', async () => {
  await using folder = await temporaryFolder()
  const root = join(folder.path, 'shared')
  await mkdir(root)
  const count = filesPerWalkPage + 1
  await Promise.all(
    Array.from({ length: count }, (_, index) => writeFile(join(root, `${index}`), '')),
  )
  const clock = new FakeClock()
  await using walker = new Walker({ clock })
  let found = 0
  let pages = 0
  for await (const { files } of walker.walk({ root, folder: '', skipped: [] })) {
    found += files.length
    pages += 1
    await clock.advance(2 * threadIdleMs)
  }
  expect({ found, hasPages: pages > 1 }).toEqual({ found: count, hasPages: true })
  // The timer that ends the thread.
  expect(clock.pending).toBe(1)
})
