import { assert as check, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { crumbsOf, encodedPath, markMatches, partsOf, shellWord } from './names.ts'

test('a name has a folder and a file', () => {
  expect(partsOf('a/b/c.txt')).toEqual({ folder: 'a/b/', file: 'c.txt' })
  expect(partsOf('c.txt')).toEqual({ folder: '', file: 'c.txt' })
})

test('each crumb leads to its folder', () => {
  expect(crumbsOf('a/b')).toEqual([
    { label: 'a', path: 'a' },
    { label: 'b', path: 'a/b' },
  ])
  expect(crumbsOf('')).toEqual([])
})

test('paths keep their slashes', () => {
  expect(encodedPath('фото/a b#?.jpg')).toBe('%D1%84%D0%BE%D1%82%D0%BE/a%20b%23%3F.jpg')
})

test.each([
  ['Notes/NOTES.txt', 'notes', ['[Notes]', '/', '[NOTES]', '.txt']],
  ['aaa', 'aa', ['[aa]', 'a']],
  ['a.txt', '*.txt', ['a.txt']],
  ['a.txt', '', ['a.txt']],
  ['İstanbul', 'i', ['İstanbul']],
])('in %s, %s is marked', (text, query, pieces) => {
  const marked = markMatches(text, query)
  expect(marked.map(({ text, isMatch }) => (isMatch ? `[${text}]` : text))).toEqual(pieces)
})

test('marking changes no text', () => {
  check(
    property(string(), string(), (text, query) => {
      const joined = markMatches(text, query).map((piece) => piece.text)
      expect(joined.join('')).toBe(text)
    }),
  )
})

test.each([
  ['a/b.txt', 'a/b.txt'],
  ["it's $HOME", String.raw`'it'\''s $HOME'`],
  ['', "''"],
])('%s is quoted for the shell as %s', (text, word) => {
  expect(shellWord(text)).toBe(word)
})
