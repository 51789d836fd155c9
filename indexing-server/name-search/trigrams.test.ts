import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseNameQuery, parsePattern } from '../../common/name-query.ts'
import { folded, TrigramShares, trigramsOf } from './trigrams.ts'

/** Names and queries of few characters, so that they often match; with letters that change in lower case. */
const text = fc.string({
  unit: fc.constantFrom('a', 'B', 'Σ', 'ς', 'İ', '/', '.', '𝒳'),
  maxLength: 12,
})
const query = fc.string({
  unit: fc.constantFrom('a', 'B', 'Σ', 'ς', 'i', '/', '*', '?', '[', ']', '𝒳'),
  maxLength: 9,
})

test('every name that matches a query has its trigrams', () => {
  fc.assert(
    fc.property(text, text, text, query, (before, part, after, typed) => {
      const name = `${before}${part}${after}`.normalize('NFC')
      for (const parsed of [parseNameQuery(part), parseNameQuery(typed), parsePattern(typed)]) {
        if (!parsed.matches(name)) continue
        const trigrams = trigramsOf(parsed.fragments.map(folded))
        expect(trigrams.filter((trigram) => !folded(name).includes(trigram))).toEqual([])
      }
    }),
    { numRuns: 2_000 },
  )
})

test('the longest fragments give the first trigrams', () => {
  expect(trigramsOf(['ab', 'xyz', 'abcde'])).toEqual(['abc', 'bcd', 'cde', 'xyz'])
  expect(trigramsOf(['𝒳a', 'a', ''])).toEqual([])
  expect(trigramsOf(['a'.repeat(30)])).toEqual(['aaa'])
  const digits = Array.from({ length: 300 }, (_, number) => String(number)).join('')
  expect(trigramsOf([digits])).toHaveLength(48)
})

test('the rarest trigrams are searched for, others if they exclude enough names', () => {
  const names = Array.from(
    { length: 1_000 },
    (_, number) => `f/${String(number).padStart(6, '0')}.dat`,
  )
  const shares = new TrigramShares(names)
  // One digit is in a tenth of the names, two in a hundredth; the sample does not have 'xyz'.
  expect(shares.worthSearching(['dat', '7.d', '47.'], 1_000_000)).toEqual(['47.', '7.d'])
  expect(shares.worthSearching(['dat', '7.d', '47.', 'xyz'], 1_000_000)).toEqual(['xyz', '47.'])
  expect(shares.worthSearching(['dat', 'f/0'], 1_000_000)).toEqual(['dat'])
  const many = Array.from('abcdefghi', (letter) => `${letter}xx`)
  expect(shares.rarestOf(many)).toHaveLength(6)
})
