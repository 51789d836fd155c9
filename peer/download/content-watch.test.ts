import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { ContentWatch, contentGoneMs, isGone } from './content-watch.ts'
import { DownloadWorld, one, source, two } from './testing/download-world.ts'

const { signal } = new AbortController()
const notFound = new AppError('NAME_NOT_FOUND', { name: 'a' })

/** A watch for `one`, and what it is answered. */
function watching() {
  const clock = new FakeClock()
  const world = { answer: [one] as FoundContent[] | AppError, isFed: false }
  const lookup = async (): Promise<FoundContent[]> => {
    if (world.answer instanceof AppError) throw world.answer
    return world.answer
  }
  const { sources: _, ...content } = one
  const watch = new ContentWatch(
    { name: 'a', content },
    { clock, finder: { lookup }, isFed: () => world.isFed },
  )
  return { clock, world, watch }
}

test.each([
  [true, 0, true],
  [false, 0, false],
  [false, contentGoneMs - 1, false],
  [false, contentGoneMs, true],
])(
  'with others under its name: %s, absent for %i ms, it is gone: %s',
  (hasOthers, absentMs, gone) => {
    expect(isGone({ hasOthers, absentMs })).toBe(gone)
  },
)

test('the sources of a content are those of its very claim', async () => {
  const { world, watch } = watching()
  world.answer = [{ ...one, chunkRoot: two.chunkRoot }, one]
  expect(await watch.sources(signal)).toEqual([source])
  world.answer = [{ ...one, chunkRoot: two.chunkRoot }]
  expect(await watch.sources(signal)).toEqual([])
  expect(watch.gone.aborted).toBe(false)
})

test('a content is gone when its name has another, unless a source still sends it', async () => {
  const { world, watch } = watching()
  world.answer = [two]
  world.isFed = true
  expect(await watch.sources(signal)).toEqual([])
  expect(watch.gone.aborted).toBe(false)
  world.isFed = false
  await watch.sources(signal)
  expect(watch.gone.reason).toMatchObject({ code: 'CONTENT_REPLACED', details: { name: 'a' } })
})

test('a name that is gone may come back for a while', async () => {
  const { clock, world, watch } = watching()
  world.answer = notFound
  await expect(watch.sources(signal)).rejects.toBe(notFound)
  await clock.advance(contentGoneMs)
  world.answer = [one]
  expect(await watch.sources(signal)).toEqual([source])
  world.answer = notFound
  await expect(watch.sources(signal)).rejects.toBe(notFound)
  expect(watch.gone.aborted).toBe(false)
  await clock.advance(contentGoneMs)
  await expect(watch.sources(signal)).rejects.toBe(notFound)
  expect(watch.gone.reason).toBe(notFound)
})

test('an index that is away says nothing of what is gone', async () => {
  const { clock, world, watch } = watching()
  world.answer = new AppError('INDEX_UNREACHABLE', { address: 'index:7000' })
  await expect(watch.sources(signal)).rejects.toBe(world.answer)
  await clock.advance(contentGoneMs)
  await expect(watch.sources(signal)).rejects.toBe(world.answer)
  expect(watch.gone.aborted).toBe(false)
})

test('a download of the last run whose content was replaced fails, and the next one gets the new content', async () => {
  const before = new DownloadWorld()
  const { id } = before.downloads.start({ name: 'a' })
  await before.settle()
  await before.downloads[Symbol.asyncDispose]()

  const after = new DownloadWorld({
    records: before.records,
    lookup: async () => [two],
  })
  await after.settle()
  expect(after.fetches).toMatchObject([{ content: { sha256: one.sha256 }, sources: [] }])
  await after.fetches[0]?.moreSources?.(signal)
  await after.settle()
  expect(await after.downloads.wait(id, 0)).toMatchObject({
    state: 'failed',
    error: { code: 'CONTENT_REPLACED' },
  })
  const next = after.downloads.start({ name: 'a' })
  await after.settle()
  after.fetches[1]?.done()
  await after.settle()
  expect(await after.downloads.wait(next.id, 0)).toMatchObject({ result: { sha256: two.sha256 } })
})
