/**
 * Validates JSON against the few keywords of JSON Schema that our own schemas use. For short-lived
 * programs: loading a schema library would take longer than their work.
 */

/** A JSON schema; `description` is for readers. */
export interface JsonShape {
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null'
  readonly const?: unknown
  readonly anyOf?: readonly JsonShape[]
  readonly required?: readonly string[]
  readonly properties?: Readonly<Record<string, JsonShape>>
  /** For all properties whose names match. */
  readonly patternProperties?: Readonly<Record<string, JsonShape>>
  readonly items?: JsonShape
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly description?: string
}

/** The keywords that {@link shapeProblem} supports. */
export const shapeKeywords: ReadonlySet<string> = new Set([
  'type',
  'const',
  'anyOf',
  'required',
  'properties',
  'patternProperties',
  'items',
  'minItems',
  'maxItems',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'description',
] satisfies (keyof JsonShape)[])

/** Where and why the JSON `value` does not match the shape; undefined if it does. */
export function shapeProblem(shape: JsonShape, value: unknown, path = ''): string | undefined {
  const problem = ownProblem(shape, value)
  if (problem !== undefined) return `${path || '/'} ${problem}`
  if (Array.isArray(value)) return itemsProblem(shape, value, path)
  return isRecord(value) ? propertiesProblem(shape, value, path) : undefined
}

function ownProblem(shape: JsonShape, value: unknown): string | undefined {
  if (shape.type !== undefined && !hasType(value, shape.type)) return `is not of type ${shape.type}`
  if (shape.const !== undefined && value !== shape.const)
    return `is not ${JSON.stringify(shape.const)}`
  if (shape.anyOf?.every((one) => shapeProblem(one, value) !== undefined) === true)
    return 'matches none of the alternatives'
  if (typeof value === 'string') return textProblem(shape, value)
  if (typeof value === 'number') return boundsProblem('', shape.minimum, shape.maximum, value)
  return undefined
}

function hasType(value: unknown, type: NonNullable<JsonShape['type']>): boolean {
  switch (type) {
    case 'object':
      return isRecord(value)
    case 'array':
      return Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    case 'null':
      return value === null
    case 'string':
    case 'number':
    case 'boolean':
      return typeof value === type
  }
}

function textProblem(
  { pattern, minLength, maxLength }: JsonShape,
  text: string,
): string | undefined {
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(text)) return 'has an invalid form'
  return boundsProblem('characters', minLength, maxLength, codePointsOf(text))
}

/** Schemas count Unicode characters, not surrogates. */
function codePointsOf(text: string): number {
  return Array.from(text).length
}

function boundsProblem(
  unit: string,
  least: number | undefined,
  most: number | undefined,
  found: number,
): string | undefined {
  if (least !== undefined && found < least) return `is below ${least} ${unit}`.trimEnd()
  return most !== undefined && found > most ? `is above ${most} ${unit}`.trimEnd() : undefined
}

function itemsProblem(
  { items, minItems, maxItems }: JsonShape,
  value: readonly unknown[],
  path: string,
): string | undefined {
  const problem = boundsProblem('items', minItems, maxItems, value.length)
  if (problem !== undefined) return `${path || '/'} ${problem}`
  if (items === undefined) return undefined
  for (const [index, item] of value.entries()) {
    const within = shapeProblem(items, item, `${path}/${index}`)
    if (within !== undefined) return within
  }
  return undefined
}

function propertiesProblem(
  { required = [], properties = {}, patternProperties = {} }: JsonShape,
  value: Readonly<Record<string, unknown>>,
  path: string,
): string | undefined {
  const missing = required.find((name) => !Object.hasOwn(value, name))
  if (missing !== undefined) return `${path || '/'} lacks ${missing}`
  const patterns = Object.entries(patternProperties).map(
    ([pattern, shape]) => [new RegExp(pattern, 'u'), shape] as const,
  )
  for (const [name, property] of Object.entries(value)) {
    const shapes = patterns.flatMap(([pattern, shape]) => (pattern.test(name) ? [shape] : []))
    if (Object.hasOwn(properties, name)) shapes.push(properties[name] as JsonShape)
    for (const shape of shapes) {
      const within = shapeProblem(shape, property, `${path}/${name}`)
      if (within !== undefined) return within
    }
  }
  return undefined
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
