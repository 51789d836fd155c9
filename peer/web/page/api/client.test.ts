import { expect, test } from 'vitest'
import { Client } from './client.ts'
import { isCode, sentenceOf } from './problem.ts'

interface Sent {
  readonly url: string
  readonly method: string | undefined
  readonly body: unknown
}

function clientFor(reply: () => Response | Promise<Response>): {
  client: Client
  sent: Sent[]
  asked: { token: number }
} {
  const sent: Sent[] = []
  const asked = { token: 0 }
  const client = new Client({
    fetch: async (url, { method, body }) => {
      sent.push({ url, method, body })
      return await reply()
    },
    onTokenRequired: () => {
      asked.token += 1
    },
  })
  return { client, sent, asked }
}

const problem = (status: number, fields: object): Response =>
  Response.json(fields, { status, headers: { 'content-type': 'application/problem+json' } })

test('fields go into the path, the query or the body', async () => {
  const { client, sent } = clientFor(() => Response.json({}))
  await client.call('unshare', { name: 'a/b %.txt', owner: 'peer2', force: true })
  await client.call('search', { q: 'a&b', after: undefined })
  await client.call('startDownload', { name: 'a', sha256: 'f'.repeat(64) })
  await client.call('status')
  expect(sent).toEqual([
    { method: 'DELETE', url: '/api/files/a%2Fb%20%25.txt?owner=peer2&force=true', body: undefined },
    { method: 'GET', url: '/api/search?q=a%26b', body: undefined },
    { method: 'POST', url: '/api/downloads', body: `{"name":"a","sha256":"${'f'.repeat(64)}"}` },
    { method: 'GET', url: '/api/status', body: undefined },
  ])
})

test('a Link header names the next page of a list', async () => {
  const link = '</api/downloads?limit=1&after=a%3D%3D>; rel="next"'
  const pages = [Response.json(['d1'], { headers: { link } }), Response.json(['d2'])]
  const { client } = clientFor(() => pages.shift() ?? Response.json([]))
  expect(await client.call('downloads', { limit: 1 })).toEqual({ downloads: ['d1'], next: 'a==' })
  expect(await client.call('downloads', { after: 'a==' })).toEqual({ downloads: ['d2'] })
})

test('an empty reply is undefined', async () => {
  const { client } = clientFor(() => new Response(null, { status: 204 }))
  expect(await client.call('cancelDownload', { id: 'd1' })).toBeUndefined()
})

test('a failure has the code and the sentence of the peer', async () => {
  const { client } = clientFor(() =>
    problem(409, { code: 'NAME_EXISTS', detail: "'a' exists.", retryable: false }),
  )
  const error = await client.call('status').catch((thrown: unknown) => thrown)
  expect(isCode(error, 'NAME_EXISTS')).toBe(true)
  expect(sentenceOf(error)).toBe("'a' exists.")
})

test.each([
  ['no answer', () => Promise.reject(new TypeError('failed')), 'The peer does not answer'],
  ['an answer of something else', () => new Response('<h1>', { status: 502 }), 'status 502'],
])('%s has a sentence, too', async (_what, reply, sentence) => {
  const { client } = clientFor(reply)
  const error = await client.call('status').catch((thrown: unknown) => thrown)
  expect(sentenceOf(error)).toContain(sentence)
})

test('a missing token is asked for', async () => {
  const { client, asked } = clientFor(() => problem(401, { code: 'TOKEN_REQUIRED' }))
  await client.call('status').catch(() => {})
  expect(asked.token).toBe(1)
})

test('an aborted call is not a failure of the peer', async () => {
  const abort = new DOMException('aborted', 'AbortError')
  const { client } = clientFor(() => Promise.reject(abort))
  expect(await client.call('status').catch((thrown: unknown) => thrown)).toBe(abort)
})
