import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { DownloadRecords } from './download-records.ts'

test('records whose file is removed are on disk again with the next change', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'own/downloads.db')
  await mkdir(join(folder.path, 'own'))
  const record = (id: string) => ({ id, request: { name: id }, isPaused: false })
  using records = new DownloadRecords(path, { log: silentLog })
  records.put(record('a'))
  records.put(record('b'))
  await rm(join(folder.path, 'own'), { recursive: true })
  records.put(record('c'))
  records.remove('a')
  expect(records.all().map(({ id }) => id)).toEqual(['b', 'c'])
  records[Symbol.dispose]()
  using later = new DownloadRecords(path, { log: silentLog })
  expect(later.all().map(({ id }) => id)).toEqual(['b', 'c'])
})
