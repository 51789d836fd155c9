import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { type Account, ByteBudget } from '../../common/protocol/byte-budget.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { aFile } from '../../common/testing/fixtures.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { SmallReader } from '../share/small-reader.ts'
import type { ServedFile } from './served-contents.ts'
import { contentWaitingBytes, SmallFiles } from './small-files.ts'

/** An account that may hold half of `bytesMax`. */
function accountOf(bytesMax: number): Account {
  const options = { bytesMax, hardBytesMax: bytesMax, ownBytes: 0 }
  const budget = new ByteBudget(options, { clock: new FakeClock() })
  return budget.open('h', { stalledMs: () => 0, evict: () => {} })
}

/** What sends one file. */
function sending(file: ServedFile, recheck: (path: string) => void): SmallFiles {
  const clock = new FakeClock()
  const smallReader = new SmallReader({ catalog: { first: () => file }, recheck, clock })
  onTestFinished(async () => await smallReader[Symbol.asyncDispose]())
  return new SmallFiles({
    contents: { find: () => [file], isServed: () => true },
    smallReader,
    recheck,
  })
}

test('the bytes that wait to be sent are bounded; withdrawn and sent replies make room', async () => {
  await using folder = await temporaryFolder()
  const { path, name } = await aFile(folder.path, 'small', { bytes: 100, seed: 'small' })
  const { content, stat } = await hashFile(path)
  const file = { at: { name, path: join(folder.path, name), root: folder.path }, stat, content }
  const smallFiles = sending(file, () => {})
  // Room for four contents, and for the bytes of two.
  const account = accountOf(2 * (4 * contentWaitingBytes + 200))
  const two = [content.sha256, content.sha256]
  const withdrawn = new AbortController()
  const never = new AbortController().signal
  const { bulk } = await smallFiles.outcomes(two, account, never)
  await smallFiles.outcomes(two, account, withdrawn.signal)
  await expect(smallFiles.outcomes(two, account, never)).rejects.toMatchObject({ code: 'BUSY' })

  withdrawn.abort()
  await smallFiles.outcomes(two, account, never)
  await expect(smallFiles.outcomes(two, account, never)).rejects.toMatchObject({ code: 'BUSY' })

  let sent = 0
  for await (const piece of bulk.pieces) sent += piece.length
  expect(sent).toBe(200)
  expect((await smallFiles.outcomes(two, account, never)).outcomes).toEqual([
    { size: 100 },
    { size: 100 },
  ])
})

test('bytes that were read ahead are sent although the file is gone; beyond the limit they are read when sent', async () => {
  await using folder = await temporaryFolder()
  const { path, name } = await aFile(folder.path, 'half', { bytes: 512 * 1_024, seed: 'half' })
  const { content, stat } = await hashFile(path)
  const file = { at: { name, path, root: folder.path }, stat, content }
  const rechecked: string[] = []
  const smallFiles = sending(file, (changed) => rechecked.push(changed))
  const aheadBytesMax = 4 * content.size
  const account = accountOf(2 * (aheadBytesMax + 9 * contentWaitingBytes))
  const never = new AbortController().signal
  const replies: Awaited<ReturnType<typeof smallFiles.outcomes>>[] = []
  for (let held = 0; held <= aheadBytesMax; held += content.size)
    replies.push(await smallFiles.outcomes([content.sha256], account, never))
  const sizeOf = async (reply = replies[0]): Promise<number> => {
    let sent = 0
    for await (const piece of reply?.bulk.pieces ?? []) sent += piece.length
    return sent
  }

  await rm(path)
  expect(await sizeOf()).toBe(content.size)
  await expect(sizeOf(replies.at(-1))).rejects.toMatchObject({ code: 'CONTENT_CHANGED' })
  expect(rechecked).toEqual([path])
  const { outcomes } = await smallFiles.outcomes([content.sha256], account, never)
  expect(outcomes).toEqual([{ error: 'FILE_NOT_FOUND' }])
})
