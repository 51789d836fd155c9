import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nameProblem } from '../../common/ids.ts'
import { numberedName } from './free-name.ts'

test.each([
  ['a.txt', 1, 'a.txt'],
  ['a.txt', 2, 'a (2).txt'],
  ['photos/2026/a.tar.gz', 3, 'photos/2026/a.tar (3).gz'],
  ['Makefile', 2, 'Makefile (2)'],
  ['.bashrc', 2, '.bashrc (2)'],
  ['v1.2/notes', 2, 'v1.2/notes (2)'],
  [`a.${'x'.repeat(100)}`, 2, `a.${'x'.repeat(100)} (2)`],
  [`${'é'.repeat(125)}.txt`, 2, `${'é'.repeat(123)} (2).txt`],
])('%s, number %i, is %s', (name, number, expected) => {
  expect(numberedName(name, number)).toBe(expected)
})

test('the numbered names of a valid name are valid and differ', () => {
  const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 })
  const name = fc
    .array(segment, { minLength: 1, maxLength: 4 })
    .map((segments) => segments.join('/').normalize('NFC'))
    .filter((text) => nameProblem(text) === undefined)
  fc.assert(
    fc.property(name, fc.integer({ min: 2, max: 10_000 }), (text, number) => {
      const numbered = numberedName(text, number)
      expect(nameProblem(numbered)).toBeUndefined()
      expect(numbered).not.toBe(numberedName(text, number + 1))
    }),
  )
})
