/**
 * Takes from a value that fits a schema everything that the schema does not name, and tells how much
 * memory the rest holds. What comes from outside may have any number of further fields of any size;
 * nothing that waits may keep them.
 */
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** Bytes that values hold, a little more than V8 takes for them. */
const cost = { value: 16, text: 32, perCharacter: 2, container: 64 } as const

/** Counts what is kept. */
export interface Meter {
  bytes: number
}

/** Gives the value back, or a copy without what is not named. The value must fit the schema. */
export type Pruner = (value: unknown, meter: Meter) => unknown

interface Shape {
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly items?: TSchema
  readonly anyOf?: readonly TSchema[]
  readonly const?: unknown
}

export function prunerFor(schema: TSchema): Pruner {
  const { properties, items, anyOf } = schema as Shape
  if (properties !== undefined) return objectPruner(properties)
  if (items !== undefined) return arrayPruner(prunerFor(items))
  if (anyOf !== undefined) return unionPruner(anyOf)
  return pruneLeaf
}

function pruneLeaf(value: unknown, meter: Meter): unknown {
  meter.bytes +=
    typeof value === 'string' ? cost.text + cost.perCharacter * value.length : cost.value
  return value
}

function objectPruner(properties: Readonly<Record<string, TSchema>>): Pruner {
  const pruners = new Map(Object.entries(properties).map(([key, one]) => [key, prunerFor(one)]))
  return (value, meter) => {
    const given = value as Record<string, unknown>
    meter.bytes += cost.container
    let hasMore = false
    for (const key of Object.keys(given)) {
      const prune = pruners.get(key)
      if (prune === undefined) hasMore = true
      else given[key] = prune(given[key], meter)
    }
    return hasMore ? namedOf(given, pruners.keys()) : given
  }
}

function namedOf(given: Record<string, unknown>, keys: Iterable<string>): object {
  const named: Record<string, unknown> = {}
  for (const key of keys) if (Object.hasOwn(given, key)) named[key] = given[key]
  return named
}

function arrayPruner(prune: Pruner): Pruner {
  return (value, meter) => {
    const given = value as unknown[]
    meter.bytes += cost.container
    for (let index = 0; index < given.length; index += 1) given[index] = prune(given[index], meter)
    return given
  }
}

/** By the variant that the value fits: the fields of another one were not checked. */
function unionPruner(variants: readonly TSchema[]): Pruner {
  const known = variants.map((schema) => ({ fits: fitCheck(schema), prune: prunerFor(schema) }))
  if (known.every(({ prune }) => prune === pruneLeaf)) return pruneLeaf
  return (value, meter) => {
    const variant = known.find(({ fits }) => fits(value))
    return variant === undefined ? undefined : variant.prune(value, meter)
  }
}

/** Variants with a constant field are told apart by it, which takes a fraction of a whole check. */
function fitCheck(schema: TSchema): (value: unknown) => boolean {
  const { properties = {} } = schema as Shape
  const constants = Object.entries(properties as Readonly<Record<string, Shape>>).filter(
    ([, one]) => one.const !== undefined,
  )
  if (constants.length === 0) {
    const check = Compile(schema)
    return (value) => check.Check(value)
  }
  return (value) =>
    constants.every(([key, one]) => (value as Record<string, unknown>)[key] === one.const)
}
