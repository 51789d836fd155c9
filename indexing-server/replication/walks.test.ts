import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import type { FileKey, IndexStore, ListedName, TrashedFile } from '../store/store.ts'
import { Walks } from './walks.ts'

const names = Array.from({ length: 2_500 }, (_, index): ListedName => {
  const folder = index < 1_000 ? 'a' : 'photos'
  return { name: `${folder}/${String(index).padStart(4, '0')}`, contentId: index + 1 }
})

/** A store of these names, which counts the slices that are read. */
function aStore() {
  const store = {
    reads: 0,
    async contentIds() {
      store.reads++
      return { contentIds: [7], next: undefined }
    },
    async listNames(from: ListedName, limit: number) {
      store.reads++
      expect(limit).toBeLessThanOrEqual(limits.contentsPerSlice)
      const isAfter = ({ name, contentId }: ListedName): boolean =>
        name > from.name || (name === from.name && contentId > from.contentId)
      return names.filter(isAfter).slice(0, limit)
    },
    async trash(after: FileKey, limit: number) {
      store.reads++
      return names
        .map(({ name, contentId }) => ({ owner: 'o', name, content: { contentId } }))
        .filter(({ name }) => name > after.name || (name === after.name && after.owner < 'o'))
        .slice(0, limit) as TrashedFile[]
    },
  } satisfies Pick<IndexStore, 'contentIds' | 'listNames' | 'trash'> & { reads: number }
  return store
}

async function walked(walks: Walks): Promise<number[]> {
  const found: number[] = []
  while (!walks.isEmpty) found.push(...(await walks.next()))
  return found
}

const patterns: [string, number][] = [
  ['photos/**', 1_500],
  ['photos', 1_500],
  ['a/000?', 10],
  ['a/0001', 1],
  ['none/**', 0],
  ['**', 2_500],
]
test.each(
  patterns.flatMap(([pattern, count]) => [
    ['names', pattern, count] as const,
    ['trash', pattern, count] as const,
  ]),
)('a walk over the %s of %s passes each match once', async (over, pattern, count) => {
  const walks = new Walks(aStore())
  walks.start({ over, pattern })
  const found = await walked(walks)
  expect(found).toHaveLength(count)
  expect(new Set(found).size).toBe(count)
})

test('only names with the prefix of the pattern are read', async () => {
  const store = aStore()
  const walks = new Walks(store)
  walks.start({ over: 'names', pattern: 'a/**' })
  await walked(walks)
  expect(store.reads).toBeLessThanOrEqual(3)
})

test('a walk that is started again during a slice starts from the beginning', async () => {
  const walks = new Walks(aStore())
  walks.start({ over: 'names', pattern: '**' })
  await walks.next()
  const slice = walks.next()
  walks.start({ over: 'names', pattern: '**' })
  walks.start({ over: 'peer', peerId: 'peer1' })
  await slice
  expect(await walked(walks)).toHaveLength(names.length + 1)
})
