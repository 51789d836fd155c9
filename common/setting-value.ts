/** Values of settings: parsing the text of variables and flags, and describing invalid values. */
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'

/** The parts of a JSON schema that appear in descriptions. */
interface SchemaParts {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly { readonly const?: unknown }[]
}

const decimal = /^-?\d+(\.\d+)?$/

/** Parses `text` under `schema`; returns invalid text unchanged. */
export function valueOfText(schema: TSchema, text: string): unknown {
  const { type } = schema as SchemaParts
  if ((type === 'integer' || type === 'number') && decimal.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return type === 'array' ? fromJson(text) : text
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export interface ValueProblem {
  /** The part of the value, as written in code: `[0].from`; empty for the whole value. */
  readonly place: string
  /** Why it is invalid, as the end of a sentence. */
  readonly reason: string
}

/** What is wrong with `value` under `schema`; undefined if it is valid. */
export function valueProblem(schema: TSchema, value: unknown): ValueProblem | undefined {
  const [problem] = Value.Errors(schema, value)
  if (problem === undefined) return undefined
  const { instancePath, keyword, message } = problem
  const place = instancePath.replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.')
  // Reported for unknown properties.
  if (keyword === 'boolean') return { place, reason: 'is not a setting' }
  const requirement = (place === '' ? requirementOf(schema) : undefined) ?? message
  return { place, reason: `${requirement}, not ${shown(Value.Pointer.Get(value, instancePath))}` }
}

function requirementOf(schema: TSchema): string | undefined {
  const { type, minimum, maximum, anyOf } = schema as SchemaParts
  if (anyOf?.every((choice) => typeof choice.const === 'string'))
    return `must be one of ${anyOf.map((choice) => choice.const).join(', ')}`
  if (type === 'boolean') return 'must be true or false'
  if (type !== 'integer' && type !== 'number') return undefined
  const range = [
    ...(minimum === undefined ? [] : [`from ${minimum}`]),
    ...(maximum === undefined ? [] : [`to ${maximum}`]),
  ]
  return ['must be a', type === 'integer' ? 'whole number' : 'number', ...range].join(' ')
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}
