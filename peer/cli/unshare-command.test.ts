import { expect, test } from 'vitest'
import { Shell } from '../testing/shell.ts'

function shellWith(...names: readonly string[]): Shell {
  const shell = new Shell()
  for (const name of names) shell.peer.add(name, 'shared')
  return shell
}

const left = (shell: Shell): string[] => shell.peer.files.map(({ name }) => name)

test('a file is removed by its name', async () => {
  const shell = shellWith('mine.txt', 'other.txt')
  expect(await shell.type('unshare', 'mine.txt')).toBe(0)
  expect(left(shell)).toEqual(['other.txt'])
  expect(await shell.type('unshare', 'mine.txt')).toBe(1)
  expect(shell.remarks.text).toContain('NOT_SHARED')
})

test('a pattern removes all pages of matching files', async () => {
  const shell = shellWith('old/a', 'old/b/c', 'new/a')
  expect(await shell.type('unshare', 'old/**')).toBe(0)
  expect(left(shell)).toEqual(['new/a'])
  expect(shell.answers.text).toContain('Unshared 2 files.')
})

test('a failure does not stop the others, and is reported', async () => {
  const shell = shellWith('old/a', 'old/locked', 'old/z')
  expect(await shell.type('unshare', 'old/**', '--json')).toBe(1)
  expect(left(shell)).toEqual(['old/locked'])
  expect(JSON.parse(shell.answers.text)).toMatchObject({
    pattern: 'old/**',
    unshared: 2,
    failed: 1,
    failures: [{ name: 'old/locked', code: 'NOT_OWNER' }],
  })
  expect(shell.remarks.text).toContain('UNSHARE_INCOMPLETE')
  expect(await shell.type('unshare', 'old/**', '--force')).toBe(0)
  expect(left(shell)).toEqual([])
})

test('a pattern that matches nothing is an error', async () => {
  const shell = shellWith('a')
  expect(await shell.type('unshare', 'old/**')).toBe(1)
  expect(shell.remarks.text).toContain('NO_MATCH')
})

test('a name that looks like a pattern is tried as a name first', async () => {
  const shell = shellWith('a[1].txt', 'a1.txt')
  expect(await shell.type('unshare', 'a[1].txt')).toBe(0)
  expect(left(shell)).toEqual(['a1.txt'])
})
