import { expect, test } from 'vitest'
import { spellingOf } from './spelling.ts'

/** A folder that takes `a` and `A` for one name, or not. */
function aFolder(names: readonly string[], isInsensitive = true) {
  const lists: string[] = []
  const key = (name: string): string => (isInsensitive ? name.normalize('NFC').toLowerCase() : name)
  const disk = {
    has: async (path: string) => names.some((name) => key(name) === key(path)),
    list: async (path: string) => {
      lists.push(path)
      return [...names]
    },
  }
  const folder = { path: 'folder', entry: (name: string) => name }
  return { lists, spell: async (name: string) => await spellingOf(name, folder, disk) }
}

test('a disk that does not distinguish two names tells which one it has', async () => {
  const { spell } = aFolder(['A.txt', 'b', 'Ünï'])
  expect(await spell('a.txt')).toBe('A.txt')
  expect(await spell('A.txt')).toBe('A.txt')
  expect(await spell('B')).toBe('b')
  expect(await spell('ünï')).toBe('Ünï')
  expect(await spell('c')).toBe('c')
})

test('a name in another normal form is the same name', async () => {
  const { spell } = aFolder(['e\u0301t\u00e9'.normalize('NFD')])
  expect(await spell('\u00e9t\u00e9')).toBe('\u00e9t\u00e9')
})

test('a disk that distinguishes them has both, and a name without letters has no twin', async () => {
  const sensitive = aFolder(['A', 'a'], false)
  expect(await sensitive.spell('a')).toBe('a')
  const one = aFolder(['a'], false)
  expect(await one.spell('a')).toBe('a')
  const insensitive = aFolder(['2026'])
  expect(await insensitive.spell('2026')).toBe('2026')
  expect([...one.lists, ...insensitive.lists]).toEqual([])
})
