import type { TSchema } from 'typebox'

/** A field of a message, as PROTOCOL.md shows it. */
export interface FieldRow {
  /** For example `sources[].port`; `[]` precedes the fields of a list's items. */
  readonly path: string
  readonly isOptional: boolean
  readonly type: string
  readonly meaning: string
}

/** The parts of a JSON schema that messages use. */
interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly const?: string
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly description?: string
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
}

/** The fields of an object, each followed by its own fields. */
export function fieldRows(schema: TSchema): FieldRow[] {
  return rowsIn(schema as Schema, '')
}

function rowsIn({ properties = {}, required = [] }: Schema, prefix: string): FieldRow[] {
  return Object.entries(properties).flatMap(([key, field]) => [
    {
      path: prefix + key,
      isOptional: !required.includes(key),
      type: typeText(field),
      meaning: field.description ?? '',
    },
    ...rowsInside(field, prefix + key),
  ])
}

function rowsInside(field: Schema, path: string): FieldRow[] {
  if (field.properties !== undefined) return rowsIn(field, `${path}.`)
  if (field.items === undefined) return []
  const variants = field.items.anyOf ?? [field.items]
  return variants.flatMap((item) => rowsIn(item, `${path}[${kindOf(item)}].`))
}

/** What distinguishes a variant of a list's items: its first field, if that is a constant. */
function kindOf({ properties = {} }: Schema): string {
  const [first] = Object.entries(properties)
  return first?.[1].const === undefined ? '' : `${first[0]}=${first[1].const}`
}

function typeText(schema: Schema): string {
  if (schema.const !== undefined) return quoted(schema.const)
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeText).join(' or ')
  if (schema.type === 'array') {
    const items = (schema.items?.properties ?? schema.items?.anyOf) ? 'objects' : 'strings'
    return `list of ${range(schema.minItems, schema.maxItems)} ${items}`
  }
  if (schema.type === 'integer') return `integer ${range(schema.minimum, schema.maximum)}`
  if (schema.type !== 'string') return schema.type ?? ''
  if (schema.pattern !== undefined) return `string \`${schema.pattern}\``
  return `string of ${range(schema.minLength, schema.maxLength)} characters`
}

function range(from = 0, to?: number): string {
  if (to === undefined) return `from ${from}`
  return `${from} to ${to === Number.MAX_SAFE_INTEGER ? '2^53 - 1' : to}`
}

function quoted(text: string): string {
  return `\`"${text}"\``
}
