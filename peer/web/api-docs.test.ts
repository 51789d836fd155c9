import { Validator } from '@seriousme/openapi-schema-validator'
import type { TSchema } from 'typebox'
import { Check } from 'typebox/schema'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { callNames } from '../api/calls.ts'
import { eventText } from '../api/event-text.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import type { DavFiles } from './dav/dav-door.ts'
import { callExamples } from './docs/call-examples.ts'
import type { FileSources } from './files/file-sources.ts'
import type { Web } from './routes.ts'
import { buildWeb } from './web-server.ts'

async function webOf(): Promise<Web> {
  const { api } = new FakePeerApi({ clock: systemClock })
  const dependencies = {
    api,
    vitals: fakeVitals(),
    files: { peerId: 'peer1' } as FileSources,
    dav: { propertiesPath: ':memory:' } as DavFiles,
    clock: systemClock,
    log: silentLog,
  }
  return await buildWeb({ allowedHosts: [] }, dependencies)
}

interface Example {
  readonly schema: TSchema
  readonly example?: unknown
}

interface Operation {
  readonly parameters?: readonly (Example & {
    readonly name: string
    readonly required?: boolean
  })[]
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly requestBody?: { readonly content: Readonly<Record<string, Example>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, Example>> }>
  >
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

test('the document is valid OpenAPI 3.1', async () => {
  const document = (await (await webOf()).inject('/api/openapi.json')).json<Document>()
  expect(document.openapi).toBe('3.1.0')
  expect(
    await new Validator().validate(JSON.parse(JSON.stringify(document)) as Record<string, never>),
  ).toMatchObject({ valid: true })
})

test('each call has an id, a section, a summary, and problems as its errors', async () => {
  const { paths } = (await (await webOf()).inject('/api/openapi.json')).json<Document>()
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  const ids = operations.map(({ operationId }) => operationId)
  expect(ids).toEqual(expect.arrayContaining(callNames))
  expect(new Set(ids).size).toBe(ids.length)
  for (const { operationId, tags, summary, responses } of operations) {
    expect([operationId, tags?.length, summary !== '']).toEqual([operationId, 1, true])
    expect(Object.keys(responses['default']?.content ?? {})).toContain('application/problem+json')
  }
  const push = paths['/api/files']?.['post']
  expect(Object.keys(push?.requestBody?.content ?? {})).toEqual(['application/octet-stream'])
})

test('each call has examples that its own schemas accept', async () => {
  const { paths } = (await (await webOf()).inject('/api/openapi.json')).json<Document>()
  const faults: string[] = []
  const check = (what: string, { schema, example }: Example, isRequired: boolean): void => {
    if (example === undefined && isRequired) faults.push(`${what} has no example`)
    if (example !== undefined && !Check(schema, example))
      faults.push(`${what} has another shape: ${JSON.stringify(example).slice(0, 200)}`)
  }
  for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    const { operationId = '', parameters = [], requestBody, responses } = operation
    for (const { name, required, ...parameter } of parameters)
      check(`${operationId}: ${name}`, parameter, required === true)
    for (const { name, required, schema } of parameters)
      if ('default' in schema && required === true) faults.push(`${operationId} wants ${name}`)
    const sent = requestBody?.content['application/json']
    if (sent !== undefined) check(`the request of ${operationId}`, sent, true)
    for (const [status, { content }] of Object.entries(responses)) {
      const answer = content?.['application/json']
      if (answer !== undefined) check(`${status} of ${operationId}`, answer, status !== '503')
    }
  }
  expect(faults).toEqual([])
})

test('the example of an event has its sentence', () => {
  for (const { text, ...event } of callExamples.events.reply.events)
    expect(text).toBe(eventText(event))
})

test('the doors are described as they are', async () => {
  const web = await webOf()
  const { paths } = (await web.inject('/api/openapi.json')).json<Document>()
  const doors = Object.entries(paths).filter(([path]) => !/^\/api\/(?!errors)/.test(path))
  for (const door of ['/files/by-name/{name}', '/browse/{path}', '/dav/{path}', '/metrics'])
    expect(doors.map(([path]) => path)).toContain(door)
  for (const [path, methods] of doors)
    for (const method of Object.keys(methods)) {
      const url = path.replace('{sha256}', ':sha256').replace('{code}', ':code')
      const wildcard = url.replace(/\{(name|path)\}.*$/, '*')
      const route = { method: method.toUpperCase() as 'GET', url: wildcard }
      expect(web.hasRoute(route), `${method} ${path}`).toBe(true)
    }
  expect(paths['/api/events']?.['get']?.responses['200']?.content).toHaveProperty([
    'text/event-stream',
  ])
})

test('people read it without a request to another host', async () => {
  const web = await webOf()
  const page = await web.inject('/api/docs')
  expect(page.statusCode).toBe(200)
  const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, source = '']) => source,
  )
  expect(sources.length).toBeGreaterThan(3)
  for (const source of sources) {
    expect(source).toMatch(/^\/api\/docs\//)
    expect((await web.inject(source)).statusCode).toBe(200)
  }
  expect(page.body).not.toMatch(/<script>|<style|on\w+="|https?:/)
  expect(page.headers['content-security-policy']).toContain("script-src 'self'")
  const start = await web.inject('/api/docs/static/swagger-initializer.js')
  expect(start.body).toMatch(/validatorUrl: null/)
  expect((await web.inject('/api/docs/json')).json<Document>().openapi).toBe('3.1.0')
  const missing = await web.inject('/api/docs/static/../../../../etc/passwd')
  expect(missing.statusCode).toBe(404)
  expect(missing.headers['content-type']).toMatch(/^application\/problem\+json/)
})
