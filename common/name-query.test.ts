import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseNameQuery, parsePattern } from './name-query.ts'

const rows: readonly [query: string, matches: readonly string[], others: readonly string[]][] = [
  ['', ['a', 'b/c'], []],
  ['NOTE', ['notes.txt', 'x/My Note'], ['not']],
  ['Ä', ['bär'], ['bar']],
  ['a.b', ['xa.bx'], ['aXb']],
  ['*.txt', ['a.txt', '.txt'], ['d/a.txt', 'a.txt2']],
  ['d/*', ['d/a', 'd/'], ['d/a/b', 'e/a']],
  ['**/*.txt', ['a.txt', 'd/a.txt', 'd/e/a.txt'], ['a.bin']],
  ['d/**', ['d/a', 'd/e/f'], ['d', 'e/d/f']],
  ['d/**/f', ['d/f', 'd/e/f', 'd/e/e/f'], ['df', 'd/ef']],
  ['a?c', ['abc', 'a💾c'], ['ac', 'a/c', 'abbc']],
  ['[a-c]1', ['a1', 'c1'], ['d1', '-1', 'A1']],
  ['[!a-c]1', ['d1'], ['a1', '/1']],
  ['[^x]', ['y'], ['x']],
  ['x[', ['ax[b'], ['x']],
  ['a]*', ['a]b'], ['a']],
  ['*a*a*a*a*a*', ['aaaaa', 'baababababa'], ['aaaa']],
]

test.for(rows)("the query '%s'", ([query, matches, others]) => {
  const { matches: isMatch, prefix } = parseNameQuery(query)
  for (const name of matches) {
    expect(isMatch(name), name).toBe(true)
    expect(name.startsWith(prefix), name).toBe(true)
  }
  for (const name of others) expect(isMatch(name), name).toBe(false)
})

test('the prefix is what comes before the first wildcard', () => {
  expect(parseNameQuery('photos/2026/*.jpg').prefix).toBe('photos/2026/')
  expect(parseNameQuery('photos').prefix).toBe('')
})

test('a glob of letters, stars and question marks matches as a regular expression does', () => {
  const glob = fc.array(fc.constantFrom('a', 'b', '/', '*', '?', '**/'), {
    minLength: 1,
    maxLength: 8,
  })
  const name = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 10 })
  fc.assert(
    fc.property(glob, name, (parts, letters) => {
      const text = parts.join('')
      fc.pre(/[*?]/.test(text))
      const source = text.replaceAll(/\*\*+\/|\*\*+|[*?]/g, (part) => {
        if (part.endsWith('/')) return '(?:.*/)?'
        if (part.length > 1) return '.*'
        return part === '*' ? '[^/]*' : '[^/]'
      })
      const expected = new RegExp(`^${source}$`).test(letters.join(''))
      expect(parseNameQuery(text).matches(letters.join('')), text).toBe(expected)
    }),
  )
})

test('no query is exponential', () => {
  const query = `${'*a'.repeat(300)}b`
  expect(parseNameQuery(query).matches('a'.repeat(1_000))).toBe(false)
})

test.for<[pattern: string, matches: readonly string[], others: readonly string[]]>([
  ['photos', ['photos', 'photos/a', 'photos/b/c'], ['photos2', 'photos-x/a', 'x/photos/a']],
  ['photos/', ['photos/a', 'photos/b/c'], ['photos2/a']],
  ['./photos//', ['photos/a'], ['a']],
  ['photos/**', ['photos/a', 'photos/b/c'], ['photos', 'photos2/a']],
  ['*/2026/', ['a/2026/x', 'b/2026/x/y'], ['2026/x', 'a/b/2026/x']],
  ['a[1].txt', ['a1.txt', 'a[1].txt'], ['a2.txt']],
  ['b [1]', ['b [1]/c', 'b 1'], ['b 1/c', 'b [1]x/c']],
  ['b [1]/', ['b [1]/c', 'b 1/c'], ['b 1']],
  ['**', ['a', 'b/c'], []],
])("the pattern '%s'", ([pattern, matches, others]) => {
  const { matches: isMatch, prefix } = parsePattern(pattern)
  for (const name of matches) {
    expect(isMatch(name), name).toBe(true)
    expect(name.startsWith(prefix), name).toBe(true)
  }
  for (const name of others) expect(isMatch(name), name).toBe(false)
})
