import * as fc from 'fast-check'
import type { TSchema } from 'typebox'
import { Check } from 'typebox/schema'
import { describe, expect, test } from 'vitest'
import { shapeKeywords, shapeProblem } from '../../common/json-shape.ts'
import { readOutlines } from './call-outlines.ts'
import { type CallRow, calls } from './calls.ts'
import { ProblemDetails } from './problem-details.ts'

/** Keywords whose values are schemas. */
const nested = ['properties', 'patternProperties'] as const
const listed = ['anyOf', 'items'] as const

function keywordsOf(schema: Record<string, unknown>): string[] {
  const inner = [
    ...nested.flatMap((key) => Object.values((schema[key] ?? {}) as object) as unknown[]),
    ...listed.flatMap((key): unknown => schema[key] ?? []),
  ] as Record<string, unknown>[]
  return [...Object.keys(schema), ...inner.flatMap(keywordsOf)]
}

/** Values that match the schema, some with another value in one place. */
function nearly(schema: Record<string, unknown>): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 40, arbitrary: fitting(schema) },
    { weight: 1, arbitrary: fc.jsonValue() },
  )
}

function fitting(schema: Record<string, unknown>): fc.Arbitrary<unknown> {
  const { anyOf, properties, required, patternProperties, items } = schema
  if ('const' in schema) return fc.constant(schema['const'])
  if (anyOf !== undefined) return fc.oneof(...(anyOf as Record<string, unknown>[]).map(nearly))
  if (items !== undefined)
    return fc.array(nearly(items as Record<string, unknown>), { maxLength: 2 })
  if (properties !== undefined)
    return fc.record(
      Object.fromEntries(
        Object.entries(properties as object).map(([name, inner]) => [
          name,
          nearly(inner as Record<string, unknown>),
        ]),
      ),
      { requiredKeys: (required ?? []) as never[] },
    )
  const [inner] = Object.values((patternProperties ?? {}) as object) as Record<string, unknown>[]
  if (inner !== undefined) return fc.dictionary(fc.string(), nearly(inner), { maxKeys: 2 })
  return simple(schema)
}

function simple(schema: Record<string, unknown>): fc.Arbitrary<unknown> {
  switch (schema['type']) {
    case 'integer':
      return fc.integer({
        min: Number(schema['minimum'] ?? -5),
        max: Number(schema['maximum'] ?? 2 ** 40),
      })
    case 'number':
      return fc.oneof(fc.nat(), fc.double({ noNaN: true, noDefaultInfinity: true }))
    case 'boolean':
      return fc.boolean()
    default: {
      const pattern = schema['pattern']
      return typeof pattern === 'string' ? fc.stringMatching(new RegExp(pattern)) : fc.string()
    }
  }
}

const outlines = readOutlines()
const refused = { schema: ProblemDetails as TSchema, shape: outlines.refusal }
const checked = Object.entries<CallRow>(calls).flatMap(([name, { reply }]) =>
  reply === undefined
    ? []
    : [{ name, schema: reply, shape: outlines.calls[name as keyof typeof calls].reply ?? {} }],
)

describe('the check of replies agrees with the schemas', () => {
  test.each([{ name: 'an error', ...refused }, ...checked])('$name', ({ schema, shape }) => {
    let fits = 0
    fc.assert(
      fc.property(nearly(schema as never), (value) => {
        const body = JSON.parse(JSON.stringify(value)) as unknown
        const isGood = Check(schema, body)
        if (isGood) fits += 1
        expect(shapeProblem(shape, body) === undefined).toBe(isGood)
      }),
      { numRuns: 300 },
    )
    expect(fits).toBeGreaterThan(0)
  })

  test('and knows every keyword that they use', () => {
    const used = new Set(checked.flatMap(({ schema }) => keywordsOf(schema as never)))
    expect([...used].filter((keyword) => !shapeKeywords.has(keyword))).toEqual([])
  })
})

test('no field of a request has two places', () => {
  for (const { params, query, body } of Object.values<CallRow>(calls)) {
    const fields = [params, query, body].flatMap((part) => Object.keys(part?.properties ?? {}))
    expect(fields).toEqual([...new Set(fields)])
  }
})
