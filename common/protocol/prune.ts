/**
 * Removes all fields that the schema does not name from a valid value, and measures the memory of
 * the rest. Input may have any number of unknown fields of any size; queued requests must not
 * retain them.
 */
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

/** Memory per value in bytes, slightly more than V8 uses. */
const cost = { value: 16, text: 32, perCharacter: 2, container: 64 } as const

/** Counts the retained bytes. */
export interface Meter {
  bytes: number
}

/** Returns the value, or a copy without unknown fields. The value must match the schema. */
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

/** Chooses the variant that the value matches: the fields of the others were not validated. */
function unionPruner(variants: readonly TSchema[]): Pruner {
  const known = variants.map((schema) => ({ fits: fitCheck(schema), prune: prunerFor(schema) }))
  if (known.every(({ prune }) => prune === pruneLeaf)) return pruneLeaf
  return (value, meter) => {
    const variant = known.find(({ fits }) => fits(value))
    return variant === undefined ? undefined : variant.prune(value, meter)
  }
}

/** A constant field distinguishes variants for a fraction of the cost of a full check. */
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
