/**
 * Settings: one table per section of the config file. A value comes from the table's default, the
 * file, the environment or a flag; later sources override earlier ones, and the origin is recorded.
 * Unknown keys and invalid values are refused.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Static, TSchema } from 'typebox'
import { AppError, reasonOf, systemErrorCode } from './errors.ts'
import { nearestWord } from './nearest-word.ts'
import { valueOfText, valueProblem } from './setting-value.ts'

/** A process reads some of them and ignores the others in the same file and environment. */
export const settingSections = ['index', 'peer', 'limits', 'log'] as const
export type SettingSection = (typeof settingSections)[number]

export interface SettingRow {
  readonly schema: TSchema
  /** Undefined if the setting may be unset. */
  readonly default: unknown
  readonly flag?: `--${string}`
  /** What it does, for `--help`: a phrase without a full stop. */
  readonly doc: string
}

/** Keys are camelCase, with the unit last. */
export type SettingsTable = Readonly<Record<string, SettingRow>>

export interface Settings<T extends SettingsTable> {
  readonly section: SettingSection
  readonly table: T
}

export type ValuesOf<T extends SettingsTable> = {
  readonly [K in keyof T]: T[K]['default'] extends undefined
    ? Static<T[K]['schema']> | undefined
    : Static<T[K]['schema']>
}

/** `default`, the path of the config file, the name of an environment variable, or a flag. */
export type Origin = string

export interface LoadedSettings<T extends SettingsTable> {
  readonly values: ValuesOf<T>
  readonly origins: { readonly [K in keyof T]: Origin }
}

export interface ConfigFile {
  readonly path: string
  /** Whether it may be absent: true for the default path. */
  readonly isOptional: boolean
}

type Environment = Readonly<Record<string, string | undefined>>

export interface SettingSources {
  readonly file?: ConfigFile | undefined
  /** An empty variable counts as unset. */
  readonly environment?: Environment
  /** Options from the command line parser: `--http-port` is `httpPort`; a string, or true. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** Defines the table of a section and asserts that its defaults match their schemas. */
export function defineSettings<const T extends SettingsTable>(
  section: SettingSection,
  table: T,
): Settings<T> {
  for (const [key, row] of Object.entries<SettingRow>(table))
    if (row.default !== undefined)
      assert.equal(valueProblem(row.schema, row.default), undefined, `default of ${section}.${key}`)
  return { section, table }
}

/** The environment variable of a setting: TANDEM_PEER_HTTP_PORT for `httpPort` of `peer`. */
export function variableOf(section: SettingSection, key: string): string {
  return `${prefixOf(section)}${key.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}

function prefixOf(section: SettingSection): string {
  return `TANDEM_${section.toUpperCase()}_`
}

const configVariable = 'TANDEM_CONFIG'

/** The config file given by `--config` or TANDEM_CONFIG, by default config/config.json if it exists. */
export function configFile(
  named: string | undefined,
  environment: Environment = process.env,
): ConfigFile {
  const path = named ?? (environment[configVariable] || undefined)
  return { path: path ?? 'config/config.json', isOptional: path === undefined }
}

/** @throws AppError SETTING_INVALID for the first invalid value, even if it is overridden */
export function loadSettings<T extends SettingsTable>(
  settings: Settings<T>,
  { file, environment = process.env, flags = {} }: SettingSources,
): LoadedSettings<T> {
  const values: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  for (const { key, value, origin } of [
    ...fromDefaults(settings),
    ...fromFile(settings, file),
    ...fromEnvironment(settings, environment),
    ...fromFlags(settings, flags),
  ]) {
    values[key] = value
    origins[key] = origin
  }
  return { values, origins } as unknown as LoadedSettings<T>
}

interface Found {
  readonly key: string
  readonly value: unknown
  readonly origin: Origin
}

type AnySettings = Settings<SettingsTable>

function fromDefaults({ table }: AnySettings): Found[] {
  return Object.entries(table).map(([key, row]) => ({
    key,
    value: row.default,
    origin: 'default',
  }))
}

function fromFile(settings: AnySettings, file: ConfigFile | undefined): Found[] {
  const content = file === undefined ? undefined : readConfig(file)
  if (file === undefined || content === undefined) return []
  const origin = file.path
  refuseUnknown(origin, '', Object.keys(content), settingSections)
  const { section, table } = settings
  const values = content[section] ?? {}
  if (!isObject(values)) throw invalid(origin, section, 'must be an object of settings')
  refuseUnknown(origin, `${section}.`, Object.keys(values), Object.keys(table))
  return Object.entries(values).map(([key, value]) => checked(settings, { key, value, origin }))
}

/** The parsed file, or undefined if it is absent and optional. */
function readConfig({ path, isOptional }: ConfigFile): Record<string, unknown> | undefined {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const isAbsent = systemErrorCode(error) === 'ENOENT'
    if (isAbsent && isOptional) return undefined
    if (isAbsent) throw invalid(path, 'the file', 'does not exist')
    const what = error instanceof SyntaxError ? 'is not JSON' : 'cannot be read'
    throw invalid(path, 'the file', `${what}: ${reasonOf(error)}`)
  }
  if (!isObject(content)) throw invalid(path, 'the file', 'must contain an object of sections')
  return content
}

function fromEnvironment(settings: AnySettings, environment: Environment): Found[] {
  const { section, table } = settings
  const keys = new Map(Object.keys(table).map((key) => [variableOf(section, key), key]))
  const others = settingSections.filter((other) => other !== section).map(prefixOf)
  const found: Found[] = []
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('TANDEM_') || !text || variable === configVariable) continue
    if (others.some((prefix) => variable.startsWith(prefix))) continue
    const key = keys.get(variable)
    if (key === undefined) throw unknown('environment', variable, keys.keys())
    found.push(checkedText(settings, key, text, variable))
  }
  return found
}

function fromFlags(settings: AnySettings, flags: Readonly<Record<string, unknown>>): Found[] {
  const found: Found[] = []
  for (const [key, { flag }] of Object.entries(settings.table)) {
    const value = flag === undefined ? undefined : flags[optionName(flag)]
    if (flag === undefined || value === undefined) continue
    if (typeof value === 'string') found.push(checkedText(settings, key, value, flag))
    else found.push(checked(settings, { key, value, origin: flag }))
  }
  return found
}

function optionName(flag: string): string {
  return flag.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function checkedText(settings: AnySettings, key: string, text: string, origin: Origin): Found {
  const schema = settings.table[key]?.schema
  assert(schema !== undefined)
  return checked(settings, { key, value: valueOfText(schema, text), origin })
}

function checked(settings: AnySettings, found: Found): Found {
  const schema = settings.table[found.key]?.schema
  assert(schema !== undefined)
  const problem = valueProblem(schema, found.value)
  if (problem === undefined) return found
  const path = `${settings.section}.${found.key}${problem.place}`
  throw invalid(found.origin, path, problem.reason)
}

function refuseUnknown(
  origin: Origin,
  prefix: string,
  keys: readonly string[],
  known: readonly string[],
): void {
  for (const key of keys)
    if (!known.includes(key))
      throw unknown(
        origin,
        prefix + key,
        known.map((name) => prefix + name),
      )
}

function unknown(origin: Origin, path: string, known: Iterable<string>): AppError {
  const nearest = nearestWord(path, known)
  const hint = nearest === undefined ? '' : `; the nearest one is ${nearest}`
  return invalid(origin, path, `is not a setting${hint}`)
}

function invalid(origin: Origin, path: string, reason: string): AppError {
  return new AppError('SETTING_INVALID', { origin, path, reason })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
