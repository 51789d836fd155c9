import fc from 'fast-check'
import Type, { type TSchema } from 'typebox'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { messages, messageTypes } from './messages.ts'
import { prunerFor } from './prune.ts'
import { measuredRequest } from './validate.ts'

function pruned(schema: TSchema, value: unknown): unknown {
  return prunerFor(schema)(value, { bytes: 0 })
}

const Pair = Type.Object({ a: Type.Integer(), b: Type.Optional(Type.String()) })

test.each<[string, TSchema, unknown, unknown]>([
  ['what is named stays', Pair, { a: 1, b: 'x' }, { a: 1, b: 'x' }],
  ['what is not named goes', Pair, { a: 1, c: 2, toString: 3 }, { a: 1 }],
  ['a key named like a built-in goes', Pair, JSON.parse('{"a":1,"__proto__":{"b":1}}'), { a: 1 }],
  ['in arrays, too', Type.Array(Pair), [{ a: 1 }, { a: 2, z: [] }], [{ a: 1 }, { a: 2 }]],
  ['and inside', Type.Object({ in: Pair }), { in: { a: 1, z: 1 }, z: 1 }, { in: { a: 1 } }],
  [
    'of a union only the fields of the variant',
    Type.Union([
      Type.Object({ op: Type.Literal('put'), size: Type.Integer() }),
      Type.Object({ op: Type.Literal('drop') }),
    ]),
    { op: 'drop', size: { any: 'thing' } },
    { op: 'drop' },
  ],
  [
    'also when no constant tells which one it is',
    Type.Union([Type.Object({ size: Type.Integer() }), Type.Object({ error: Type.String() })]),
    { size: 'x'.repeat(9), error: 'e' },
    { error: 'e' },
  ],
])('%s', (_, schema, value, expected) => {
  expect(pruned(schema, value)).toEqual(expected)
})

test('a value without unknown fields is returned itself', () => {
  const value = { a: 1, b: 'x' }
  expect(pruned(Pair, value)).toBe(value)
})

test('a request holds no more than its own fields, whatever else came with it', () => {
  const name = 'photos/2026/a.jpg'
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (more) => {
      const { request, bytes } = measuredRequest('lookup', { ...more, name })
      expect(request).toEqual({ name })
      expect(bytes).toBe(measuredRequest('lookup', { name }).bytes)
    }),
  )
})

test('no short request counts as more than a few frames of its kind', () => {
  const sha256s = Array.from({ length: limits.contentsPerReadMax }, () => 'a'.repeat(64))
  const { bytes } = measuredRequest('read-many', { sha256s })
  const frameBytes = JSON.stringify({ sha256s }).length
  expect(bytes).toBeGreaterThan(frameBytes)
  expect(bytes).toBeLessThan(4 * frameBytes)
})

test('every message has a pruner', () => {
  for (const type of messageTypes) {
    expect(() => prunerFor(messages[type].request)).not.toThrow()
    expect(pruned(messages[type].reply, {}), type).toEqual({})
  }
})
