import { expect, test } from 'vitest'
import { nearestWord } from './nearest-word.ts'

const commands = ['lookup', 'list', 'search', 'stats', 'status']

test.each([
  ['lookpu', 'lookup'],
  ['serach', 'search'],
  ['SEARCH', 'search'],
  ['stat', 'stats'],
  ['statuss', 'status'],
  ['lst', 'list'],
  ['x', undefined],
  ['', undefined],
  ['download', undefined],
])('%j probably means %j', (word, nearest) => {
  expect(nearestWord(word, commands)).toBe(nearest)
})
