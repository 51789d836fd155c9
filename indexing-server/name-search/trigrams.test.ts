import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseNameQuery, parsePattern } from '../../common/name-query.ts'
import { folded, trigramsOf } from './trigrams.ts'

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

test('the longest fragments give the trigrams, few that overlap', () => {
  expect(trigramsOf(['ab', 'xyz', 'abcdefgh'])).toEqual(['abc', 'def', 'fgh', 'xyz'])
  expect(trigramsOf(['𝒳a', 'a', ''])).toEqual([])
  expect(trigramsOf(['a'.repeat(30)])).toEqual(['aaa'])
  expect(trigramsOf(['0123456789'.repeat(9)])).toHaveLength(6)
})
