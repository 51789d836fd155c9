import { expect, test } from 'vitest'
import type { FileVersion } from '../common/protocol/messages.ts'
import { codeOf, contentOf, IndexCluster, type TestPeer } from './testing/index-cluster.ts'

/** Page by page, with `between` after each page. */
async function pagesOf(
  asker: TestPeer,
  limit: number,
  between: (page: number) => Promise<void> = async () => {},
): Promise<FileVersion[][]> {
  const pages: FileVersion[][] = []
  for (let after: string | undefined; ; ) {
    const page = await asker.ask('versions', { name: 'f', limit, ...(after && { after }) })
    pages.push(page.versions)
    if (page.next === undefined) return pages
    after = page.next
    await between(pages.length)
  }
}

/** A cluster in which peer2 keeps the contents 1 to 5 of the file `f` of peer1, which has the last. */
async function versionsOfAFile(cluster: IndexCluster): Promise<[owner: TestPeer, TestPeer]> {
  const owner = await cluster.peer('peer1')
  const keeper = await cluster.peer('peer2')
  for (const text of ['1', '2', '3', '4', '5']) {
    await owner.shares('f', text)
    await cluster.advance(70_000)
  }
  return [owner, keeper]
}

test('the versions of a name are listed page by page, each once', async () => {
  await using cluster = await IndexCluster.start()
  const [, asker] = await versionsOfAFile(cluster)
  const [all = []] = await pagesOf(asker, 200)
  expect(all.map(({ sha256 }) => sha256)).toEqual(
    ['5', '4', '3', '2', '1'].map((text) => contentOf(text).sha256),
  )
  for (const limit of [1, 2, 3, 5]) {
    const pages = await pagesOf(asker, limit)
    expect(pages.flat(), `pages of ${limit}`).toEqual(all)
    expect(pages).toHaveLength(Math.ceil(all.length / limit))
  }
})

test('a version that is replaced between two pages moves no other to a page already read', async () => {
  await using cluster = await IndexCluster.start()
  const [owner, asker] = await versionsOfAFile(cluster)
  const pages = await pagesOf(asker, 2, async (page) => {
    if (page > 1) return
    await owner.shares('f', '6')
    await cluster.advance(70_000)
  })
  expect(pages.flat().map(({ sha256 }) => sha256)).toEqual(
    ['5', '4', '3', '2', '1'].map((text) => contentOf(text).sha256),
  )
})

test('an old version can be looked up by its hash, however many there are', async () => {
  await using cluster = await IndexCluster.start()
  const [, asker] = await versionsOfAFile(cluster)
  const { sha256 } = contentOf('1')
  const { contents } = await asker.ask('lookup', { name: 'f', sha256 })
  expect(contents).toMatchObject([{ sha256 }])
})

test('only cursors continue a list of versions', async () => {
  await using cluster = await IndexCluster.start()
  const [, asker] = await versionsOfAFile(cluster)
  for (const after of ['x', '1/2', '/1/', '-1/2/peer1', '1/1e3/peer1'])
    expect(await codeOf(asker.ask('versions', { name: 'f', after })), after).toBe('BAD_REQUEST')
})
