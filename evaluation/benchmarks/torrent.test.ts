import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { torrentOfFile } from './torrent.ts'

test('a torrent has the SHA-1 of each piece', async () => {
  await using folder = await temporaryFolder()
  const mebibyte = 2 ** 20
  const file = await aFile(folder.path, 'a.bin', { bytes: 2 * mebibyte + 5 })
  const { metainfo, infoHash } = await torrentOfFile(file, 'http://10.0.0.1:6969/announce')
  expect(infoHash).toMatch(/^[0-9a-f]{40}$/)
  const bytes = await readFile(file.path)
  for (const start of [0, mebibyte, 2 * mebibyte]) {
    const piece = bytes.subarray(start, start + mebibyte)
    expect(metainfo.includes(createHash('sha1').update(piece).digest())).toBe(true)
  }
  expect(metainfo.toString('latin1')).toContain('6:lengthi2097157e4:name5:a.bin')
  expect(metainfo.toString('latin1')).toContain('12:piece lengthi1048576e6:pieces60:')
})
