import { expect, test } from 'vitest'
import { contentOf, IndexCluster } from './testing/index-cluster.ts'

test('a pattern lists each name once, with its preferred content and sources', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  await peer1.announce(
    { name: 'photos/a', text: 'a' },
    { name: 'photos/b', text: 'mine' },
    { name: 'other', text: 'other' },
  )
  await peer2.announce(
    { name: 'photos/b', text: 'yours' },
    { kind: 'downloaded', name: 'photos/copy', text: 'yours' },
  )
  const { files, next } = await peer1.ask('match', { pattern: 'photos', limit: 10 })
  expect(next).toBeUndefined()
  expect(files.map(({ name }) => name)).toEqual(['photos/a', 'photos/b', 'photos/copy'])
  expect(files[0]).toMatchObject({ ...contentOf('a'), sources: [{ peerId: 'peer1' }] })
  const [best] = (await peer1.ask('lookup', { name: 'photos/b' })).contents
  const { modifiedMs: _, ...content } = { ...best }
  expect(files[1]).toEqual({ name: 'photos/b', ...content })
  const dated = { pattern: 'photos', limit: 10, withModified: true }
  const second = (await peer1.ask('match', dated)).files[1]
  expect(second).toEqual({ name: 'photos/b', ...best })
})

test('pages neither repeat nor skip, whatever the names have and however many rows fit', async () => {
  await using cluster = await IndexCluster.start()
  const [peer1, peer2] = [await cluster.peer('peer1'), await cluster.peer('peer2')]
  const names = Array.from({ length: 23 }, (_, number) => `d/${String(number).padStart(2, '0')}`)
  await peer1.announce(...names.map((name) => ({ name, text: `1 ${name}` })))
  await peer2.announce(...names.slice(5, 15).map((name) => ({ name, text: `2 ${name}` })))
  for (const limit of [1, 2, 3, 7, 100]) {
    const listed: string[] = []
    let after: string | undefined
    do {
      const page = await peer1.ask('match', { pattern: 'd/*', limit, ...(after && { after }) })
      expect(page.files.length).toBeLessThanOrEqual(limit)
      listed.push(...page.files.map(({ name }) => name))
      after = page.next
    } while (after !== undefined)
    expect(listed).toEqual(names)
  }
})

test('nothing matches', async () => {
  await using cluster = await IndexCluster.start()
  const peer1 = await cluster.peer('peer1')
  expect(await peer1.ask('match', { pattern: 'x/**', limit: 10 })).toEqual({ files: [] })
})
