import { expect, test } from 'vitest'
import { contentOf, IndexCluster } from './testing/index-cluster.ts'

test('a folder lists each name once, with its preferred content and how many it has', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  await peer1.announce(
    { name: 'photos/a', text: 'a' },
    { name: 'photos/b', text: 'mine' },
    { name: 'photos/b/inside', text: 'x' },
    { name: 'other', text: 'other' },
  )
  await peer2.announce(
    { name: 'photos/b', text: 'yours' },
    { kind: 'downloaded', name: 'photos/copy', text: 'yours' },
  )
  const { folder, entries, next } = await peer1.ask('list-folder', { folder: 'photos/', limit: 10 })
  expect([folder, next]).toEqual(['photos', undefined])
  expect(entries.map(({ type, name }) => `${type} ${name}`)).toEqual([
    'file a',
    'file b',
    'folder b',
    'file copy',
  ])
  expect(entries[0]).toMatchObject({ sha256: contentOf('a').sha256, copies: 1, versions: 1 })
  const [best] = (await peer1.ask('lookup', { name: 'photos/b' })).contents
  expect(entries[1]).toMatchObject({ sha256: best?.sha256, copies: 1, versions: 2 })
})

test('pages of any length list the same', async () => {
  await using cluster = await IndexCluster.start()
  const peer = await cluster.peer('peer1')
  const names = Array.from({ length: 120 }, (_, index) => `d/${index % 40}/${index}`)
  const files = Array.from({ length: 120 }, (_, index) => `d/${index}-`)
  await peer.announce(...[...names, ...files].map((name) => ({ name, text: name })))
  const all = (await peer.ask('list-folder', { folder: 'd', limit: 500 })).entries
  expect(all).toHaveLength(160)
  for (const limit of [1, 7, 159, 160]) {
    const listed: unknown[] = []
    let after: string | undefined
    do {
      const page = await peer.ask('list-folder', { folder: 'd', limit, ...(after && { after }) })
      expect(page.entries.length).toBeLessThanOrEqual(limit)
      listed.push(...page.entries)
      after = page.next
    } while (after !== undefined)
    expect(listed).toEqual(all)
  }
})
