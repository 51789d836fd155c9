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
  return text
}

/** Why `value` does not fit `schema`, as the end of a sentence about it; undefined when it fits. */
export function valueProblem(schema: TSchema, value: unknown): string | undefined {
  const [problem] = Value.Errors(schema, value)
  if (problem === undefined) return undefined
  const place = problem.instancePath === '' ? '' : ` at ${problem.instancePath}`
  const requirement = place === '' ? requirementOf(schema) : undefined
  return `${requirement ?? problem.message}${place}, not ${shown(value)}`
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
