import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isPrintable, printable, printableJson } from './printable.ts'

test.each([
  ['plain żółw 🐢.txt', 'plain żółw 🐢.txt'],
  ['red\u001b[31m.txt', 'red\\u{1b}[31m.txt'],
  ['c1\u009b2J', 'c1\\u{9b}2J'],
  ['two\nlines', 'two\\u{a}lines'],
  ['photo\u202egpj.exe', 'photo\\u{202e}gpj.exe'],
  ['half \ud83d', 'half \\u{d83d}'],
])('shows %j harmlessly', (text, shown) => {
  expect(printable(text)).toBe(shown)
  expect(isPrintable(text)).toBe(text === shown)
})

test('JSON keeps its meaning and is harmless, too', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = printableJson([text])
      expect(JSON.parse(json)).toEqual([text])
      expect(isPrintable(json)).toBe(true)
    }),
  )
})
