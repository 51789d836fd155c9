import fc from 'fast-check'
import { expect, test } from 'vitest'
import { oneLine } from './one-line.ts'

test('a short line stays as it is', () => {
  expect(oneLine("Cannot open '/a/ä 😀': EACCES", 200)).toBe("Cannot open '/a/ä 😀': EACCES")
})

test('a long one keeps both ends', () => {
  expect(oneLine('abcdefghij', 5)).toBe('ab…ij')
  expect(oneLine('abcdefghij', 6)).toBe('abc…ij')
})

test('no text has control characters, more than one line, broken characters, or more than its bound', () => {
  const texts = fc.string({ unit: 'binary', maxLength: 300 })
  fc.assert(
    fc.property(texts, fc.integer({ min: 1, max: 250 }), (text, charactersMax) => {
      const line = oneLine(text, charactersMax)
      expect(line.length).toBeLessThanOrEqual(charactersMax)
      expect(line).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202e]/u)
      expect(oneLine(line, charactersMax)).toBe(line)
    }),
  )
})
