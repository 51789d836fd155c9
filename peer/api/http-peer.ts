import { once } from 'node:events'
import type { Agent as AgentOfHttp, ClientRequest, IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, errorFromWire, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { detailsOf } from '../../common/http-problem.ts'
import { parseName } from '../../common/ids.ts'
import { type JsonShape, shapeProblem } from '../../common/json-shape.ts'
import { deadlines, limits } from '../../common/limits.ts'
import { type CallOutline, type Outlines, readOutlines, takesRequest } from './call-outlines.ts'
import type { PeerApi, Upload } from './calls.ts'
import { commandAgent } from './command-agent.ts'
import { distrustOf, type HttpsTrust, tlsOptionsOf } from './https-trust.ts'
import type { ProblemDetails } from './problem-details.ts'

/**
 * Timeout of a request: longer than `deadlines.requestMs`, so that the peer can report its own
 * timeout.
 */
const httpRequestMs = 15_000

// An import would load all exports, including a whole HTTP client that is never used.
const { Agent, request: httpRequest } = process.getBuiltinModule('node:http')

export interface HttpPeerOptions {
  /** Base URL of the peer's HTTP API, such as `http://127.0.0.1:8100`. */
  readonly url: URL
  /** For `https:`; by default, servers that this machine trusts. */
  readonly trust?: HttpsTrust | undefined
  /** The expected peer, for the error if none answers. */
  readonly peerId: string
  /** For a peer that wants it. */
  readonly token?: string | undefined
}

/** A running peer over its HTTP API. Disposing closes idle connections. */
export type HttpPeer = PeerApi & Disposable

type Fields = Readonly<Record<string, unknown>>

/** A call and its request. */
interface Asked {
  readonly outline: CallOutline
  readonly request: Fields
  readonly signal: AbortSignal | undefined
}

interface Reply {
  readonly body: unknown
  readonly link: string | undefined
}

let outlines: Outlines | undefined

export function openHttpPeer(options: HttpPeerOptions, dependencies: { clock: Clock }): HttpPeer {
  outlines ??= readOutlines()
  const client = new ApiClient(options, { ...dependencies, refusal: outlines.refusal })
  const methods = Object.entries(outlines.calls).map(([name, outline]) => {
    const call = (request: Fields, signal?: AbortSignal): Promise<unknown> =>
      client.call({ outline, request, signal })
    return [name, takesRequest(outline) ? call : (signal?: AbortSignal) => call({}, signal)]
  })
  return {
    ...(Object.fromEntries(methods) as PeerApi),
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

class ApiClient implements Disposable {
  readonly #options: HttpPeerOptions
  readonly #clock: Clock
  readonly #refusal: JsonShape
  readonly #agent: AgentOfHttp
  readonly #request: typeof httpRequest

  constructor(options: HttpPeerOptions, { clock, refusal }: { clock: Clock; refusal: JsonShape }) {
    this.#options = options
    if (options.url.protocol === 'https:') {
      const https = process.getBuiltinModule('node:https')
      const { trust } = options
      this.#agent = new https.Agent({ keepAlive: true, ...(trust && tlsOptionsOf(trust)) })
      this.#request = https.request
    } else {
      this.#agent = new Agent({ keepAlive: true })
      this.#request = httpRequest
    }
    this.#clock = clock
    this.#refusal = refusal
  }

  async call(asked: Asked): Promise<unknown> {
    const { reply, page, upload } = asked.outline
    const { body, link } = await (upload ? this.#upload(asked) : this.#exchange(asked))
    if (reply === undefined) return undefined
    const reason = shapeProblem(reply, body)
    if (reason !== undefined) throw this.#badReply(whatOf(asked), reason)
    if (page === undefined) return body
    const next = nextPageOf(link)
    return { [page]: body, ...(next !== undefined && { next }) }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  async #upload(asked: Asked): Promise<Reply> {
    const { bytes, wait } = asked.request as Partial<Upload> & { wait?: boolean }
    const request = this.#open(asked, {
      'content-type': 'application/octet-stream',
      // The peer may refuse before any byte is sent.
      expect: '100-continue',
    })
    // The peer is silent while it waits for the copies.
    const deadlineMs = deadlines.connectionIdleMs + (wait ? deadlines.pushCopiesMs : 0)
    request.setTimeout(deadlineMs, () =>
      request.destroy(new AppError('DEADLINE_EXCEEDED', { what: 'push', deadlineMs })),
    )
    try {
      // Errors of sending also fail the reply or the request.
      sendOnContinue(request, bytes ?? []).catch(() => {})
      return await this.#answerTo(request)
    } finally {
      // A refusal may arrive before all bytes are sent.
      request.destroy()
    }
  }

  #exchange(asked: Asked): Promise<Reply> {
    const { outline, request: fields } = asked
    const { waitMs = 0 } = fields as { waitMs?: number }
    const deadlineMs = httpRequestMs + waitMs
    const deadline = { what: whatOf(asked), deadlineMs, signal: asked.signal }
    return withDeadline(deadline, this.#clock, async (signal) => {
      const json = outline.body && JSON.stringify(picked(fields, outline.body))
      const headers = json === undefined ? {} : { 'content-type': 'application/json' }
      const request = this.#open({ ...asked, signal }, headers)
      request.end(json)
      return await this.#answerTo(request)
    })
  }

  #open({ outline, request, signal }: Asked, headers: Record<string, string>): ClientRequest {
    const { url, token } = this.#options
    const { method, query = [] } = outline
    const fields = Object.entries(picked(request, query))
    const search = new URLSearchParams(fields.map(([key, value]) => [key, String(value)]))
    const path = pathOf(outline, request)
    return this.#request({
      agent: this.#agent,
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      method,
      path: search.size === 0 ? path : `${path}?${search.toString()}`,
      headers: {
        'user-agent': commandAgent,
        ...headers,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(signal !== undefined && { signal }),
    })
  }

  async #answerTo(request: ClientRequest): Promise<Reply> {
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      const body = await readJson(response)
      const isRefusal = (response.statusCode ?? 500) >= 400
      if (isRefusal) throw this.#refused(body, response)
      const { location } = response.headers
      if (location?.startsWith('https:')) throw new AppError('HTTPS_REQUIRED')
      return { body, link: response.headers['link']?.toString() }
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #refused(body: unknown, response: IncomingMessage): AppError {
    if (shapeProblem(this.#refusal, body) === undefined) {
      const { code, retryable, ...others } = body as ProblemDetails
      return errorFromWire({ code, retryable, details: detailsOf(others) })
    }
    return this.#badReply('the HTTP API', `status ${response.statusCode ?? 0}`)
  }

  #badReply(type: string, reason: string): AppError {
    return new AppError('BAD_REPLY', { address: this.#options.url.host, request: type, reason })
  }

  /** The error of a failed exchange, for the caller. */
  #explained(error: unknown): unknown {
    const { url, peerId } = this.#options
    const distrust = distrustOf(error)
    if (distrust !== undefined) {
      const expected = this.#options.trust?.memberId ?? url.hostname
      const details = { address: url.host, expected, reason: distrust }
      return new AppError('SERVER_UNPROVEN', details, { cause: error })
    }
    const code = systemErrorCode(error)
    if (error instanceof AppError || code === undefined) return error
    if (code === 'ABORT_ERR') return (error as Error).cause ?? error
    if (code.startsWith('HPE_')) return this.#badReply('HTTP', reasonOf(error))
    const isBroken = code === 'ECONNRESET' || code === 'EPIPE'
    const details = isBroken ? { address: url.host } : { address: url.host, peerId }
    return new AppError(isBroken ? 'CONNECTION_CLOSED' : 'PEER_UNREACHABLE', details, {
      cause: error,
    })
  }
}

function whatOf({ outline, request }: Asked): string {
  return `${outline.method} ${pathOf(outline, request)}`
}

/** @throws AppError NAME_INVALID */
function pathOf({ path, endsWithName }: CallOutline, request: Fields): string {
  return path.replaceAll(/:(\w+)/g, (_, key: string) => {
    const text = String(request[key])
    // A URL cannot carry '..' or a lone surrogate.
    return encodeURIComponent(endsWithName ? parseName(text) : text)
  })
}

/** The defined fields among `names`. */
function picked(fields: Fields, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  )
}

/** The `after` of the next page in a Link header, if any. */
function nextPageOf(link: string | undefined): string | undefined {
  const target = /<([^>]*)>\s*;\s*rel="?next"?/.exec(link ?? '')?.[1]
  if (target === undefined) return undefined
  const query = target.slice(target.indexOf('?') + 1)
  return new URLSearchParams(query).get('after') ?? undefined
}

/** Sends the bytes once the peer accepts them. */
async function sendOnContinue(
  request: ClientRequest,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  request.flushHeaders()
  await once(request, 'continue')
  await pipeline(bytes, request)
}

/** The body as JSON; undefined if it is empty or not JSON. */
async function readJson(response: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.byteLength
    if (bytes > limits.httpReplyBytesMax) {
      const details = { what: 'The reply', max: limits.httpReplyBytesMax, unit: 'bytes' }
      throw new AppError('TOO_LARGE', details)
    }
    pieces.push(piece)
  }
  try {
    return JSON.parse(Buffer.concat(pieces).toString()) as unknown
  } catch {
    return undefined
  }
}
