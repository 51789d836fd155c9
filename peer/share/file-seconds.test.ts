import { stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { fileSeconds } from './file-seconds.ts'

test('a file has the millisecond that it was given', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'a')
  await writeFile(path, '')
  for (let ms = 0; ms < 1_000; ms += 7) {
    const modifiedMs = 1_795_958_658_000 + ms
    await utimes(path, fileSeconds(modifiedMs), fileSeconds(modifiedMs))
    const { mtimeNs } = await stat(path, { bigint: true })
    expect(Number(mtimeNs / 1_000_000n)).toBe(modifiedMs)
  }
})
