import { expect, test } from 'vitest'
import { findContent } from './find-content.ts'
import type { StoredContent } from './store/store.ts'

const sha256 = 'ab'.repeat(32)

function contents(...found: Partial<StoredContent>[]) {
  const rows = found.map((content, contentId) => ({
    contentId,
    sha256,
    size: contentId,
    file: undefined,
    isTrashed: false,
    ...content,
  }))
  return {
    store: {
      contentsHashed: async () => rows as unknown as StoredContent[],
      copiesOf: async (contentId: number) =>
        contentId === 0
          ? [{ peerId: 'peer1', kind: 'downloaded' as const, name: 'downloaded.txt' }]
          : [],
    },
  }
}

test('prefers a file over a deleted one, and that over a copy', async () => {
  const file = (name: string) => ({ file: { owner: 'peer1', name } })
  const deleted = { ...file('deleted.txt'), isTrashed: true }
  const all = contents({}, deleted, file('now.txt'))
  expect(await findContent({ sha256 }, all)).toEqual({ name: 'now.txt', size: 2 })
  expect(await findContent({ sha256 }, contents({}))).toEqual({ name: 'downloaded.txt', size: 0 })
})

test('reports a content that has no name', async () => {
  const unnamed = contents({ isTrashed: true, file: { owner: 'peer1', name: 'a' } })
  expect(await findContent({ sha256 }, unnamed)).toMatchObject({ name: 'a' })
  await expect(findContent({ sha256 }, contents())).rejects.toMatchObject({
    code: 'CONTENT_NOT_FOUND',
  })
})
