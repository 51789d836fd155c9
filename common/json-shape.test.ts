import { describe, expect, test } from 'vitest'
import { shapeProblem } from './json-shape.ts'

describe('a problem names its path', () => {
  const shape = {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', maxLength: 3 },
      sizes: { type: 'array', maxItems: 2, items: { type: 'integer', minimum: 1 } },
    },
  } as const

  test.each([
    [[], '/ is not of type object'],
    [{}, '/ lacks name'],
    [{ name: 'abcd' }, '/name is above 3 characters'],
    [{ name: 'a', sizes: [1, 2, 3] }, '/sizes is above 2 items'],
    [{ name: 'a', sizes: [1, 0] }, '/sizes/1 is below 1'],
    [{ name: 'a', sizes: [1.5] }, '/sizes/0 is not of type integer'],
    [{ name: '\u{1F600}\u{1F600}\u{1F600}' }, undefined],
  ])('%j', (value, problem) => expect(shapeProblem(shape, value)).toBe(problem))
})
