import { constants, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import { sharedBuffer } from './shared-buffer.ts'

test('its memory begins where a disk can take it from', async ({ skip }) => {
  await using folder = await temporaryFolder()
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_DIRECT
  const file = await open(join(folder.path, 'file'), flags).catch(() => undefined)
  await using _closing = file
  if (file === undefined) return skip('nothing is written past the page cache here')
  for (const bytes of [4096, 2 ** 20, 2 ** 24])
    expect(writeSync(file.fd, sharedBuffer(bytes), 0, bytes, 0)).toBe(bytes)
})
