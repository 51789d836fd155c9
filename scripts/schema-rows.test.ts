import Type from 'typebox'
import { expect, test } from 'vitest'
import { fieldRows } from './schema-rows.ts'

/** Path, type and meaning of each row; the path of an optional field ends with a question mark. */
function shown(properties: Parameters<typeof Type.Object>[0]): string[] {
  return fieldRows(Type.Object(properties)).map(
    ({ path, isOptional, type, meaning }) =>
      `${path}${isOptional ? '?' : ''}: ${type}${meaning === '' ? '' : ` - ${meaning}`}`,
  )
}

test.each([
  [Type.Boolean(), 'boolean'],
  [Type.Integer({ minimum: 0 }), 'integer from 0'],
  [Type.Integer({ minimum: 1, maximum: 9 }), 'integer 1 to 9'],
  [Type.Integer({ maximum: Number.MAX_SAFE_INTEGER }), 'integer 0 to 2^53 - 1'],
  [Type.String({ pattern: '^a$' }), 'string `^a$`'],
  [Type.String({ maxLength: 9 }), 'string of 0 to 9 characters'],
  [Type.Union([Type.Literal('a'), Type.Literal('b')]), '`"a"` or `"b"`'],
  [Type.Array(Type.String(), { maxItems: 3 }), 'list of 0 to 3 strings'],
  [Type.Boolean({ description: 'why' }), 'boolean - why'],
])('a field of the schema %j', (schema, text) => {
  expect(shown({ field: schema })).toEqual([`field: ${text}`])
})

test('the fields of an object or a list follow it', () => {
  const item = Type.Object({ port: Type.Integer() })
  expect(shown({ one: Type.Optional(item), many: Type.Array(item, { maxItems: 5 }) })).toEqual([
    'one?: object',
    'one.port: integer from 0',
    'many: list of 0 to 5 objects',
    'many[].port: integer from 0',
  ])
})

test('variants of items are distinguished by their first field', () => {
  const put = Type.Object({ op: Type.Literal('put'), size: Type.Integer() })
  const drop = Type.Object({ op: Type.Literal('drop') })
  expect(shown({ changes: Type.Array(Type.Union([put, drop]), { maxItems: 5 }) })).toEqual([
    'changes: list of 0 to 5 objects',
    'changes[op=put].op: `"put"`',
    'changes[op=put].size: integer from 0',
    'changes[op=drop].op: `"drop"`',
  ])
})
