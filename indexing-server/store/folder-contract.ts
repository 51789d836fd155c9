import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import type { IndexStore } from './store.ts'
import { announcerOf, type OpenStore, put } from './store-fixture-contract.ts'

/** All children of a folder, read with a few steps at a time. */
async function childrenOf(store: IndexStore, folder: string, steps = 2): Promise<string[]> {
  const found: string[] = []
  let next: string | undefined = ''
  while (next !== undefined) {
    const part = await store.listFolder(folder, next, { children: 3, steps })
    found.push(...part.children.map(({ name, contents = [] }) => `${name}${contents.length || ''}`))
    next = part.next
  }
  return found
}

/** Sorts as the database does: by UTF-8. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** What every store must list of folders. */
export function folderContract(open: OpenStore): void {
  test('a folder lists its files with their contents, and its subfolders', async () => {
    await using opened = await open()
    const first = await announcerOf(opened, 'a')
    const second = await announcerOf(opened, 'b')
    await first(put('top', '1'), put('d/x', '1'), put('d/e/f/g', '1'), put('d/e-', '1'))
    await second(
      put('d/x', '2'),
      put('d/e', '1'),
      put('d0', '1'),
      put('d.', '1'),
      put('d/\u{1f422}', '1'),
    )
    expect(await childrenOf(opened.store, '')).toEqual(['d.1', 'd/', 'd01', 'top1'])
    expect(await childrenOf(opened.store, 'd')).toEqual(['e1', 'e-1', 'e/', 'x2', '\u{1f422}1'])
    expect(await childrenOf(opened.store, 'd/e')).toEqual(['f/'])
    expect(await childrenOf(opened.store, 'none')).toEqual([])
  })

  test('downloads are listed, unless the name was unshared or deleted', async () => {
    await using opened = await open()
    const announce = await announcerOf(opened, 'a')
    const download = { kind: 'downloaded' } as const
    await announce(
      ...['d/a', 'd/hidden', 'd/z', 'h/a', 'h/b', 'm/a', 'm/b'].map((name) =>
        put(name, name, download),
      ),
    )
    const unshare = (name: string): Promise<unknown> =>
      opened.commit(opened.store.unshare({ owner: 'a', name }))
    for (const name of ['d/hidden', 'h/a', 'h/b', 'm/a']) await unshare(name)
    expect(await childrenOf(opened.store, 'd', 1)).toEqual(['a1', 'z1'])
    expect(await childrenOf(opened.store, '', 1)).toEqual(['d/', 'm/'])
    await announce({ op: 'remove', seq: 9, name: 'd/a', reason: 'deleted', removedMs: 5 })
    expect(await childrenOf(opened.store, 'd', 1)).toEqual(['z1'])
  })

  test('folders are those of the names, whatever the names are', async () => {
    await using opened = await open()
    const names = randomNames('folders')
    const announce = await announcerOf(opened, 'a')
    await announce(...names.map((name) => put(name, name)))
    const folders = names.flatMap((name) => [name, name.slice(0, name.lastIndexOf('/') + 1)])
    for (const text of new Set(['', ...folders])) {
      const folder = text.replace(/\/$/, '')
      const listed = await childrenOf(opened.store, folder)
      expect([folder, ...listed]).toEqual([folder, ...childrenAmong(names, folder)])
    }
  })
}

function randomNames(seed: string): string[] {
  const random = seededRandom(seed)
  const segments = ['a', 'a-', 'a.b', 'a0', 'ab', 'A', 'ż', '\u{1f422}', '\u{ff5e}', ' ']
  const segment = (): string => segments[Math.floor(random.fraction() * segments.length)] ?? ''
  const name = (): string =>
    Array.from({ length: 1 + Math.floor(random.fraction() * 4) }, segment).join('/')
  return [...new Set(Array.from({ length: 300 }, name))]
}

/** What {@link childrenOf} should find, each file with one content. */
function childrenAmong(names: readonly string[], folder: string): string[] {
  const prefix = folder === '' ? '' : `${folder}/`
  const children = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .map((rest) => (rest.includes('/') ? rest.slice(0, rest.indexOf('/') + 1) : rest))
  return [...new Set(children)]
    .toSorted(byBytes)
    .map((child) => (child.endsWith('/') ? child : `${child}1`))
}
