/**
 * Requests for a fuzzer: valid ones, made from the OpenAPI document, nearly valid ones with one thing wrong,
 * and hostile ones, which no honest client sends.
 */
import * as fc from 'fast-check'
import type { Operation, Parameter, Route, Schema } from './open-api.ts'

export interface FuzzRequest {
  readonly kind: 'valid' | 'nearly' | 'hostile'
  readonly method: string
  /** Path and query, as they are sent. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  /** The route that is meant; undefined for made-up paths. */
  readonly route: Route | undefined
}

export interface World {
  /** Names of files and ids of peers that exist. */
  readonly names: readonly string[]
  readonly peerIds: readonly string[]
}

/** Long calls are asked to be short: the fuzzer must tell a wait from a hang. */
const shortValues: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  waitMs: fc.integer({ min: 0, max: 50 }),
  wait: fc.constant(false),
}

const hostileTexts = [
  '',
  '.',
  '..',
  '../../../../etc/passwd',
  '..\\..\\outside',
  '/etc/passwd',
  'a/../../outside/canary.txt',
  '.tandem/token',
  'a\0b',
  '\ud800',
  'ÿ'.repeat(300),
  'x'.repeat(5_000),
  'e\u0301/é',
  '${7*7}',
  "'; DROP TABLE names; --",
  '<script>alert(1)</script>',
  '__proto__',
  'constructor',
  '**/**/**/**/**/*a',
  '*'.repeat(200),
  '['.repeat(100),
  '-1',
  'NaN',
  '1e309',
  '9007199254740993',
  'true',
  'null',
  '\r\nX-Injected: 1',
]
const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...hostileTexts) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }) },
)

const hostileValue = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, -1, 0, 2 ** 53, -(2 ** 31), 1.5, 1e308, true, [], {}, [[]]),
  fc.constant('x'.repeat(3_000)),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Values that match the schema; names and ids that exist are likely. */
function fitting(schema: Schema, name: string, world: World): fc.Arbitrary<unknown> {
  const short = shortValues[name]
  if (short !== undefined) return short
  const { anyOf, properties, items, patternProperties } = schema
  if ('const' in schema) return fc.constant(schema.const)
  if (anyOf !== undefined) return fc.oneof(...anyOf.map((one) => fitting(one, name, world)))
  if (items !== undefined) return fc.array(fitting(items, name, world), { maxLength: 3 })
  if (properties !== undefined)
    return fc.record(
      Object.fromEntries(
        Object.entries(properties).map(([key, one]) => [key, fitting(one, key, world)]),
      ),
      { requiredKeys: [...(schema.required ?? [])] },
    )
  if (patternProperties !== undefined) return fc.constant({})
  return simple(schema, name, world)
}

function simple(schema: Schema, name: string, world: World): fc.Arbitrary<unknown> {
  const { type = 'string' } = schema
  switch (type) {
    case 'integer':
      return fc.integer({
        min: Math.max(schema.minimum ?? 0, -(2 ** 31)),
        max: Math.min(schema.maximum ?? 2 ** 31, 2 ** 31),
      })
    case 'number':
      return fc.double({ min: schema.minimum ?? 0, max: schema.maximum ?? 1e6, noNaN: true })
    case 'boolean':
      return fc.boolean()
    case 'array':
    case 'null':
    case 'object':
    case 'string':
      return textOf(schema, name, world)
  }
}

function textOf(
  { pattern, minLength = 0, maxLength = 80 }: Schema,
  name: string,
  { names, peerIds }: World,
): fc.Arbitrary<string> {
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  const some = /peer|owner/i.test(name) ? peerIds : names
  return fc.oneof(
    fc.constantFrom(...some),
    fc.string({ minLength, maxLength: Math.min(maxLength, 80) }),
  )
}

const octets = 'application/octet-stream'

/** A request that matches the description of its route. */
function valid(route: Route, world: World): fc.Arbitrary<FuzzRequest> {
  const { parameters = [] } = route.operation
  const given = fc.record(
    Object.fromEntries(parameters.map(({ name, schema }) => [name, fitting(schema, name, world)])),
    { requiredKeys: parameters.filter((one) => one.required === true).map(({ name }) => name) },
  ) as fc.Arbitrary<Record<string, unknown>>
  return fc
    .tuple(given, bodyOf(route.operation, world))
    .map(([values, body]) => requestOf('valid', route, values, body))
}

type Body = { readonly type: string; readonly text: string } | undefined

function bodyOf({ requestBody }: Operation, world: World): fc.Arbitrary<Body> {
  if (requestBody === undefined) return fc.constant(undefined)
  const json = requestBody.content['application/json']
  if (json === undefined)
    return fc.string({ maxLength: 200 }).map((text) => ({ type: octets, text }))
  return fitting(json.schema, '', world).map((value) => ({
    type: 'application/json',
    text: JSON.stringify(value),
  }))
}

function requestOf(
  kind: FuzzRequest['kind'],
  route: Route,
  values: Readonly<Record<string, unknown>>,
  body: Body,
): FuzzRequest {
  const { parameters = [] } = route.operation
  const inPath = (name: string): string => encoded(values[name] ?? 'x')
  const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => inPath(name))
  const query = parameters
    .filter((one) => one.in === 'query' && values[one.name] !== undefined)
    .map(({ name }) => `${name}=${encoded(values[name])}`)
  return {
    kind,
    method: route.method,
    url: query.length === 0 ? path : `${path}?${query.join('&')}`,
    headers: body === undefined ? {} : { 'content-type': body.type },
    body: body?.text,
    route,
  }
}

/** A lone surrogate has no encoding; the server must not see our failure. */
function encoded(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return encodeURIComponent(text.toWellFormed())
}

/** One thing of a valid request is wrong. */
function nearly(route: Route, world: World): fc.Arbitrary<FuzzRequest> {
  const { parameters = [] } = route.operation
  const wrong: fc.Arbitrary<FuzzRequest>[] = [
    fc.tuple(valid(route, world), hostileText).map(([request, text]) => ({
      ...request,
      url: `${request.url}${request.url.includes('?') ? '&' : '?'}${encoded(text)}=${encoded(text)}`,
    })),
    ...parameters.map((one) => withParameter(route, one, world)),
  ]
  if (route.operation.requestBody?.content['application/json'] !== undefined)
    wrong.push(
      fc.tuple(valid(route, world), hostileValue).map(([request, value]) => ({
        ...request,
        body: changed(request.body, value),
      })),
    )
  return fc.oneof(...wrong).map((request) => ({ ...request, kind: 'nearly' as const }))
}

function withParameter(route: Route, { name }: Parameter, world: World): fc.Arbitrary<FuzzRequest> {
  return fc.tuple(valid(route, world), hostileText, fc.boolean()).map(([request, text, twice]) => {
    const wrong = requestOf('nearly', route, { [name]: text === '' ? '%' : text }, undefined)
    const url =
      twice && request.url.includes('?') ? `${request.url}&${name}=${encoded(text)}` : wrong.url
    return { ...request, url }
  })
}

/** Replaces one field of a JSON object, or all of it. */
function changed(body: string | undefined, value: unknown): string {
  const fields = JSON.parse(body ?? '{}') as Record<string, unknown>
  const [key] = Object.keys(fields)
  return JSON.stringify(key === undefined ? value : { ...fields, [key]: value })
}

const prefixes = [
  '/api',
  '/api/files',
  '/api/docs',
  '/files',
  '/browse',
  '/dav',
  '/assets',
  '',
  '/metrics',
]
const hostileSegments = [
  '..',
  '%2e%2e',
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e%2foutside%2fcanary.txt',
  '.tandem',
  'token',
  '%00',
  '%zz',
  '%',
  '%c0%ae%c0%ae',
  '%ed%a0%80',
  '..;',
  '*',
  'shared',
  'by-name',
  'a'.repeat(3_000),
  '%5c..%5c..%5coutside',
  'file:%2f%2f%2fetc%2fpasswd',
  '0'.repeat(64),
]
const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'PROPFIND',
  'MKCOL',
  'COPY',
  'MOVE',
  'LOCK',
  'TRACE',
  'REPORT',
]
const hostileHeaders = fc.constantFrom<Readonly<Record<string, string>>>(
  {},
  { range: 'bytes=0-,0-,0-,0-,5-1,-0' },
  { range: 'bytes=18446744073709551616-', 'if-range': '"x"' },
  { accept: 'text/event-stream', 'last-event-id': "' OR 1" },
  { 'content-type': 'application/json; charset=utf-7' },
  { 'content-type': 'multipart/form-data; boundary=' },
  { 'accept-encoding': 'br;q=0, *;q=9' },
  { 'if-none-match': '*', 'if-match': '"' },
  { authorization: 'Basic !!!', cookie: 'tandem-peer1=; =;;' },
  { depth: 'infinity', destination: 'http://127.0.0.1/../../outside/x', overwrite: 'F' },
  { destination: '/dav/..%2f..%2foutside%2fx', 'lock-token': '<x' },
  { origin: 'null' },
  { host: 'evil.org' },
  { 'x-forwarded-for': '10.0.0.1', 'x-http-method-override': 'DELETE' },
  { expect: '100-continue' },
)
const hostileBodies = fc.constantFrom<string | undefined>(
  undefined,
  '{',
  '['.repeat(10_000),
  `${'{"a":'.repeat(4_000)}1${'}'.repeat(4_000)}`,
  '{"__proto__":{"isAdmin":true},"name":"../x"}',
  'x'.repeat(40_000),
  '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><propfind xmlns="DAV:">&b;</propfind>',
)

/** Made-up paths, methods, headers and bodies; also on the paths of routes. */
function hostile(routes: readonly Route[], world: World): fc.Arbitrary<FuzzRequest> {
  const madeUp = fc
    .tuple(
      fc.constantFrom(...prefixes),
      fc.array(
        fc.oneof(fc.constantFrom(...hostileSegments), fc.constantFrom(...world.names).map(encoded)),
        { minLength: 0, maxLength: 4 },
      ),
      fc.constantFrom('', '/', '?', '?x=%zz', '//', '#a'),
    )
    .map(([prefix, segments, end]) => `${[prefix, ...segments].join('/') || '/'}${end}`)
  const known = fc.constantFrom(...routes).map(({ path }) => path.replaceAll(/\{\w+\}/g, '..%2f..'))
  return fc
    .record({
      method: fc.constantFrom(...methods),
      url: fc.oneof(madeUp, known),
      headers: hostileHeaders,
      body: hostileBodies,
    })
    .map((request) => ({ ...request, kind: 'hostile' as const, route: undefined }))
}

/** Requests of all kinds to all routes. */
export function anyRequest(routes: readonly Route[], world: World): fc.Arbitrary<FuzzRequest> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.oneof(...routes.map((route) => valid(route, world))) },
    { weight: 4, arbitrary: fc.oneof(...routes.map((route) => nearly(route, world))) },
    { weight: 3, arbitrary: hostile(routes, world) },
  )
}
