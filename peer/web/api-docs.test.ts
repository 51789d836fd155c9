import { Validator } from '@seriousme/openapi-schema-validator'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { callNames } from '../api/calls.ts'
import { FakePeerApi } from '../testing/fake-peer-api.ts'
import { fakeVitals } from '../testing/fake-vitals.ts'
import type { Web } from './routes.ts'
import { buildWeb } from './web-server.ts'

async function webOf(): Promise<Web> {
  const { api } = new FakePeerApi({ clock: systemClock })
  const dependencies = { api, vitals: fakeVitals(), clock: systemClock, log: silentLog }
  return await buildWeb({ allowedHosts: [] }, dependencies)
}

interface Operation {
  readonly operationId?: string
  readonly tags?: readonly string[]
  readonly summary?: string
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, unknown>> }>
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
    expect(Object.keys(responses['default']?.content ?? {})).toEqual(['application/problem+json'])
  }
  const push = paths['/api/files']?.['post']
  expect(Object.keys(push?.requestBody?.content ?? {})).toEqual(['application/octet-stream'])
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
