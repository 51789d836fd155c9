import { array, assert as check, constantFrom, property } from 'fast-check'
import { expect, test } from 'vitest'
import { parseNameQuery } from '../../../../common/name-query.ts'
import { exactQuery } from './exact-query.ts'

const character = constantFrom(...Array.from('ab*?[]!^-/.A'), '\u{1f422}', 'ż')
const name = array(character, { minLength: 1, maxLength: 8 })
  .map((characters) => characters.join(''))
  .filter((text) => /[^\]/]/.test(text))

test('an exact query finds its name and no other', () => {
  check(
    property(name, name, (wanted, other) => {
      const { matches } = parseNameQuery(exactQuery(wanted))
      expect([wanted, matches(wanted)]).toEqual([wanted, true])
      expect([wanted, other, matches(other)]).toEqual([wanted, other, wanted === other])
    }),
    { numRuns: 2_000 },
  )
})

test('the search begins with the folder', () => {
  expect(parseNameQuery(exactQuery('photos/a.jpg')).prefix).toBe('photos/a.jp')
})
