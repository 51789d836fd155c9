import { readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { AppError } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { bytesSource } from '../../../common/protocol/bulk.ts'
import { aContent, chunkOf } from '../../../common/testing/contents.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { DownloadRecords } from '../../download/download-records.ts'
import { partialCleanMs } from '../fetcher.ts'
import { aSwarm, nowhere, type Swarm } from '../testing/swarm.ts'
import type { ContentKey } from './partial-folder.ts'
import { partialKeptMs } from './partial-folder.ts'

const some = aContent(3 * 1024 * 1024)
const { content, bytes } = some

/** A swarm with what is left of a fetch that failed a week and a moment ago. */
async function withLeftovers(isWanted?: (content: ContentKey) => boolean): Promise<Swarm> {
  const swarm = await aSwarm({ isWanted })
  const read = (chunk: number) => {
    if (chunk > 0) throw new AppError('CONTENT_CHANGED', { name: 'its file' })
    return bytesSource(chunkOf(bytes, chunk))
  }
  const source = await swarm.source({ peerId: 'p1', content: some, read })
  await expect(swarm.fetch(some, [source], { keeps: true })).rejects.toThrow('No peer')
  const at = (swarm.clock.nowMs() - partialKeptMs) / 1_000
  for (const name of await readdir(swarm.partialFolder))
    await utimes(join(swarm.partialFolder, name), at, at)
  return swarm
}

/** What is there after the next look; the clock knows nothing of the disk. */
async function leftIn(swarm: Swarm): Promise<string[]> {
  await swarm.clock.advance(partialCleanMs)
  return await readdir(swarm.partialFolder)
}

test('partial data that no download waits for is evicted after a week while the peer runs', async () => {
  const swarm = await withLeftovers()
  expect(await readdir(swarm.partialFolder)).toHaveLength(2)
  await expect.poll(() => leftIn(swarm)).toEqual([])
})

test('partial data that a download waits for is kept, and what cannot be resumed is not', async () => {
  using records = new DownloadRecords(':memory:', { log: silentLog })
  records.put({ id: '1', request: { name: 'a' }, content, isPaused: true })
  const swarm = await withLeftovers((key) => records.haveContent(key))
  await writeFile(join(swarm.partialFolder, 'alone'), '')
  await writeFile(join(swarm.partialFolder, 'torn.journal.new'), '')
  const name = `${content.sha256}.${content.chunkRoot}`
  await expect.poll(() => leftIn(swarm)).toEqual([name, `${name}.journal`])
  await swarm.restart()
  expect(await readdir(swarm.partialFolder)).toHaveLength(2)
})

test('partial data that no download waits for is evicted when its room is needed, however new it is', async () => {
  const swarm = await withLeftovers()
  for (const name of await readdir(swarm.partialFolder))
    await utimes(
      join(swarm.partialFolder, name),
      swarm.clock.nowMs() / 1_000,
      swarm.clock.nowMs() / 1_000,
    )
  const huge = {
    ...some,
    content: { ...content, sha256: 'f'.repeat(64), size: limits.contentBytesMax },
  }
  await expect(swarm.fetch(huge, [nowhere('p1')])).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('partial data that no download waits for is evicted for files that go elsewhere, too', async () => {
  const swarm = await withLeftovers()
  const reserving = swarm.fetcher.reserve(limits.contentBytesMax, { purpose: 'download' })
  await expect(reserving).rejects.toMatchObject({ code: 'DISK_FULL' })
  expect(await readdir(swarm.partialFolder)).toEqual([])
})

test('a file that is being fetched is not taken from under it', async () => {
  const swarm = await aSwarm()
  const source = await swarm.source({ peerId: 'p1', content: some })
  await using fetched = await swarm.fetch(some, [source])
  const before = await readdir(swarm.partialFolder)
  await swarm.fetcher.forget(content)
  expect(await leftIn(swarm)).toEqual(before)
  expect(before).toEqual([fetched.partialPath.slice(swarm.partialFolder.length + 1)])
})
