import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { describeFault, fuzzApi } from './fuzz-api.ts'
import type { OpenApi } from './open-api.ts'

const text = { type: 'string' } as const
const document: OpenApi = {
  paths: {
    '/api/things/{name}': {
      get: {
        operationId: 'thing',
        parameters: [
          { name: 'name', in: 'path', required: true, schema: text },
          { name: 'limit', in: 'query', schema: { type: 'integer', minimum: 1, maximum: 9 } },
        ],
        responses: {
          '200': {
            content: {
              'application/json': {
                schema: { type: 'object', required: ['name'], properties: { name: text } },
              },
            },
          },
        },
      },
    },
  },
}

/** Fuzzes a server that answers everything but its document with `answer`. */
async function faultsOf(
  answer: (response: ServerResponse) => void,
  { isLockedOut = false } = {},
): Promise<string[]> {
  const server = createServer(({ url }, response) => {
    if (url === '/api/openapi.json') response.end(JSON.stringify(document))
    else answer(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const world = { names: ['a'], peerIds: ['peer1'] }
  const secrets = ['the secret']
  const { faults } = await fuzzApi({ url, seed: 1, requests: 60, world, secrets, isLockedOut })
  server.closeAllConnections()
  await server[Symbol.asyncDispose]()
  return faults.map(describeFault)
}

const json = (status: number, body: object, type = 'application/json') => {
  return (response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body))
}

test('a server that keeps to its document has no faults', async () => {
  expect(await faultsOf(json(200, { name: 'a' }))).toEqual([])
  const problem = { status: 404, code: 'NAME_NOT_FOUND', detail: 'No.' }
  expect(await faultsOf(json(404, problem, 'application/problem+json'))).toEqual([])
})

test.each<[string, RegExp, (response: ServerResponse) => void]>([
  ['fails', /^status 500/, json(500, {})],
  [
    'answers in another shape',
    /^another shape: .*\n {2}(valid|nearly): GET/,
    json(200, { name: 1 }),
  ],
  ['answers with another status', /^the undocumented status 202/, json(202, {})],
  ['refuses without a problem', /^an error of the type application\/json/, json(404, {})],
  ['lies about the status', /^no problem/, json(404, { status: 400 }, 'application/problem+json')],
  ['reveals a secret', /^the answer contains a secret/, json(200, { name: 'the secret' })],
  ['hangs up', /hang up|ECONNRESET/, (response) => void response.destroy()],
])('one that %s is found out', async (_what, expected, answer) => {
  expect((await faultsOf(answer)).join('\n')).toMatch(expected)
})

test.each<[number, boolean]>([
  [401, false],
  [429, true],
  [404, true],
  [200, true],
  [500, true],
])('%i without a token: a fault is %s', async (status, isFault) => {
  const problem = { status, code: 'X', detail: 'No.' }
  const answer = json(status, problem, 'application/problem+json')
  expect((await faultsOf(answer, { isLockedOut: true })).length > 0).toBe(isFault)
})
