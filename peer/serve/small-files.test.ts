import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { SmallFiles } from './small-files.ts'

test('only so much waits to be sent, and who withdraws or is served makes room', async () => {
  await using folder = await temporaryFolder()
  const { path, name } = await aFile(folder.path, 'small', { bytes: 100, seed: 'small' })
  const { content, stat } = await hashFile(path)
  const smallFiles = new SmallFiles(
    { waitingMax: 4 },
    {
      contents: { find: () => [{ at: { name, path: join(folder.path, name) }, stat, content }] },
      recheck: () => {},
      clock: new FakeClock(),
    },
  )
  onTestFinished(async () => await smallFiles[Symbol.asyncDispose]())
  const two = [content.sha256, content.sha256]
  const withdrawn = new AbortController()
  const never = new AbortController().signal
  const { bulk } = await smallFiles.outcomes(two, never)
  await smallFiles.outcomes(two, withdrawn.signal)
  await expect(smallFiles.outcomes(two, never)).rejects.toMatchObject({ code: 'BUSY' })

  withdrawn.abort()
  await smallFiles.outcomes(two, never)
  await expect(smallFiles.outcomes(two, never)).rejects.toMatchObject({ code: 'BUSY' })

  let sent = 0
  for await (const piece of bulk.pieces) sent += piece.length
  expect(sent).toBe(200)
  expect((await smallFiles.outcomes(two, never)).outcomes).toEqual([{ size: 100 }, { size: 100 }])
})
