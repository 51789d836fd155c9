/** Values of settings: from the text of variables and flags, and in words when they are wrong. */
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'

/** The parts of a JSON schema that requirements are told from. */
interface SchemaParts {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly { readonly const?: unknown }[]
}

const decimal = /^-?\d+(\.\d+)?$/

/** The value that `text` stands for under `schema`; text that stands for none stays as it is. */
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
  /** Which part of the value it is, as one writes it in code: `[0].from`; empty for all of it. */
  readonly place: string
  /** Why it does not fit, as the end of a sentence about it. */
  readonly reason: string
}

/** What is wrong with `value` under `schema`; undefined when it fits. */
export function valueProblem(schema: TSchema, value: unknown): ValueProblem | undefined {
  const [problem] = Value.Errors(schema, value)
  if (problem === undefined) return undefined
  const { instancePath, keyword, message } = problem
  const place = instancePath.replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]').replaceAll('/', '.')
  // What no property may have but the known ones.
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
