/**
 * Fuzzes the HTTP API of a running peer. An answer must arrive in time, have no status of a failed server, and
 * have the documented status and shape; no answer may contain a secret.
 */
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import * as fc from 'fast-check'
import type { TSchema } from 'typebox'
import { Check } from 'typebox/schema'
import { type OpenApi, type Route, routesOf } from './open-api.ts'
import { anyRequest, type FuzzRequest, type World } from './requests.ts'

export interface FuzzOptions {
  readonly url: URL
  /** The same requests for the same seed, peer and routes. */
  readonly seed: number
  readonly requests: number
  readonly world: World
  /** Texts that no answer may contain. */
  readonly secrets: readonly string[]
  /** Of a peer that wants one; sent with each request. */
  readonly token?: string
  /** Whether only the request for the document has the token: the peer must refuse all others. */
  readonly isLockedOut?: boolean
}

export interface Fault {
  readonly request: FuzzRequest
  readonly what: string
}

export interface FuzzReport {
  /** Number of answers by status. */
  readonly statuses: ReadonlyMap<number, number>
  /** Ids of the operations that answered with success. */
  readonly succeeded: ReadonlySet<string>
  readonly faults: readonly Fault[]
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** Longer than any call that was not asked to wait. */
const hangMs = 40_000
const inFlight = 4
const bodyBytesMax = 4 * 1024 * 1024
/** Statuses that say that the peer is at its limits, or that others are away: not its failure. */
const statusesOfLimits: ReadonlySet<number> = new Set([429, 507])

export async function fuzzApi(options: FuzzOptions): Promise<FuzzReport> {
  const { url, seed, requests, world, token, isLockedOut = false } = options
  const credential = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const described = await send(url, plain('/api/openapi.json', credential))
  const document = JSON.parse(described.body) as OpenApi
  const sent = isLockedOut ? {} : credential
  const judge = isLockedOut ? leakOf : faultOf
  const all = fc.sample(anyRequest(routesOf(document), world), { seed, numRuns: requests })
  const statuses = new Map<number, number>()
  const succeeded = new Set<string>()
  const faults: Fault[] = []
  const next = all.values()
  const work = async (): Promise<void> => {
    for (const request of next) {
      const headers = { ...sent, ...request.headers }
      const answer = await send(url, { ...request, headers }).catch(String)
      const what = typeof answer === 'string' ? answer : judge(request, answer, options.secrets)
      if (what !== undefined) faults.push({ request, what })
      if (typeof answer === 'string') continue
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
      if (answer.status < 300 && request.route !== undefined)
        succeeded.add(request.route.operation.operationId)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, work))
  return { statuses, succeeded, faults }
}

function plain(url: string, headers: FuzzRequest['headers']): FuzzRequest {
  return { kind: 'valid', method: 'GET', url, headers, body: undefined, route: undefined }
}

/** @throws Error if there is no complete answer in time */
async function send(base: URL, { method, url, headers, body }: FuzzRequest): Promise<Answer> {
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const outgoing = httpRequest({
    host: base.hostname,
    port: base.port,
    method,
    path: url,
    headers: { ...headers, ...length },
    agent: false,
    signal: AbortSignal.timeout(hangMs),
  })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const type = response.headers['content-type'] ?? ''
  const status = response.statusCode ?? 0
  // It never ends.
  if (type.startsWith('text/event-stream')) {
    outgoing.destroy()
    return { status, type, body: '' }
  }
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece)
    bytes += piece.byteLength
    if (bytes > bodyBytesMax) break
  }
  return { status, type, body: Buffer.concat(pieces).toString() }
}

/** What is wrong with the answer; undefined if nothing is. */
function faultOf(
  { method, url, route }: FuzzRequest,
  { status, type, body }: Answer,
  secrets: readonly string[],
): string | undefined {
  if (secrets.some((secret) => body.includes(secret))) return 'the answer contains a secret'
  if (status >= 500 && !statusesOfLimits.has(status))
    return `status ${status}: ${body.slice(0, 300)}`
  if (status >= 400) {
    // WebDAV has a form of its own.
    if (method === 'HEAD' || url.startsWith('/dav')) return undefined
    if (!type.startsWith('application/problem+json'))
      return `an error of the type ${type || 'none'}`
    const problem = JSON.parse(body) as { status?: unknown; code?: unknown; detail?: unknown }
    const isGood = problem.status === status && typeof problem.code === 'string'
    return isGood && typeof problem.detail === 'string' ? undefined : `no problem: ${body}`
  }
  return route === undefined ? undefined : undocumented(route, status, type, body)
}

/** Answers to requests that no route sees: malformed, too large, of another host, too many. */
const statusesBeforeRoutes: ReadonlySet<number> = new Set([400, 403, 413, 414, 417, 421, 429, 431])

/** What is wrong with the answer to a caller without a token; undefined if it was refused. */
function leakOf(
  { kind, url }: FuzzRequest,
  { status, body }: Answer,
  secrets: readonly string[],
): string | undefined {
  if (secrets.some((secret) => body.includes(secret))) return 'the answer contains a secret'
  if (status >= 500) return `status ${status}: ${body.slice(0, 300)}`
  if (status === 401 || isOpen(url)) return undefined
  return kind !== 'valid' && statusesBeforeRoutes.has(status)
    ? undefined
    : `status ${status} without a token: ${body.slice(0, 300)}`
}

/** Whether callers without a token may ask: for monitoring, and to log in. */
function isOpen(url: string): boolean {
  const [path = ''] = url.split(/[?#]/, 1)
  const open = ['', '/', '/healthz', '/readyz', '/api/session']
  return open.includes(path) || path.startsWith('/assets/')
}

function undocumented(
  { operation }: Route,
  status: number,
  type: string,
  body: string,
): string | undefined {
  if (type.startsWith('text/event-stream')) return undefined
  const documented = operation.responses[String(status)]
  if (documented === undefined) return `the undocumented status ${status}`
  const schema = documented.content?.['application/json']?.schema as TSchema | undefined
  if (status === 204) return body === '' ? undefined : 'a body with 204'
  if (schema === undefined) return undefined
  return Check(schema, JSON.parse(body)) ? undefined : `another shape: ${body.slice(0, 300)}`
}

/** As a person would repeat it. */
export function describeFault({ request, what }: Fault): string {
  const { kind, method, url, headers, body } = request
  const sent = body === undefined ? '' : ` ${body.length > 200 ? `${body.slice(0, 200)}...` : body}`
  return `${what}\n  ${kind}: ${method} ${url} ${JSON.stringify(headers)}${sent}`
}
