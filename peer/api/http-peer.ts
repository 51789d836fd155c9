import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, errorFromWire, reasonOf, systemErrorCode } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { deadlines, limits } from '../../common/limits.ts'
import type { ReplyKind, ReplyOfKind } from './api-replies.ts'
import { problemWith } from './check-reply.ts'
import { nextPageOf } from './link-header.ts'
import type {
  ApiError,
  ConfirmedDeletes,
  Download,
  KeptFolders,
  Limits,
  LimitsChange,
  Lookup,
  PeerApi,
  Peers,
  Problems,
  Pushed,
  SearchPage,
  Stats,
  Status,
  UnsharedPage,
  UnshareOptions,
  UnshareRequest,
  Versions,
  Why,
} from './peer-api.ts'

// An import would read all its names, one of which loads a whole HTTP client that nobody here uses.
const { Agent, request: httpRequest } = process.getBuiltinModule('node:http')

export interface HttpPeerOptions {
  /** Where the peer's HTTP API is, such as `http://127.0.0.1:8100`. */
  readonly url: URL
  /** Which peer should be there, for the sentence when none is. */
  readonly peerId: string
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>

interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Query
  readonly json?: unknown
  readonly signal?: AbortSignal | undefined
  /** Beyond what every request may take. */
  readonly waitMs?: number
}

interface Reply {
  readonly body: unknown
  readonly link: string | undefined
}

/** A running peer, asked over its HTTP API. Disposing closes its idle connections. */
export class HttpPeer implements PeerApi, Disposable {
  readonly #options: HttpPeerOptions
  readonly #clock: Clock
  readonly #agent = new Agent({ keepAlive: true })

  constructor(options: HttpPeerOptions, dependencies: { clock: Clock }) {
    this.#options = options
    this.#clock = dependencies.clock
  }

  lookup(name: string, signal?: AbortSignal): Promise<Lookup> {
    return this.#get('lookup', '/api/lookup', { name }, signal)
  }

  search(
    { query, limit, after }: Parameters<PeerApi['search']>[0],
    signal?: AbortSignal,
  ): Promise<SearchPage> {
    return this.#get('searchPage', '/api/search', { q: query, limit, after }, signal)
  }

  async list(
    request: Parameters<PeerApi['list']>[0],
    signal?: AbortSignal,
  ): ReturnType<PeerApi['list']> {
    const call: Call = { method: 'GET', path: '/api/files', query: { ...request }, signal }
    const { body, link } = await this.#exchange(call)
    const next = nextPageOf(link)
    const files = this.#checked('files', body, call)
    return { files, ...(next !== undefined && { next }) }
  }

  peers(signal?: AbortSignal): Promise<Peers> {
    return this.#get('peers', '/api/peers', {}, signal)
  }

  stats(signal?: AbortSignal): Promise<Stats> {
    return this.#get('stats', '/api/stats', {}, signal)
  }

  status(signal?: AbortSignal): Promise<Status> {
    return this.#get('status', '/api/status', {}, signal)
  }

  versions(name: string, signal?: AbortSignal): Promise<Versions> {
    return this.#get('versions', '/api/versions', { name }, signal)
  }

  why(name: string, signal?: AbortSignal): Promise<Why> {
    return this.#get('why', '/api/why', { name }, signal)
  }

  problems(signal?: AbortSignal): Promise<Problems> {
    return this.#get('problems', '/api/problems', {}, signal)
  }

  async startDownload(
    request: Parameters<PeerApi['startDownload']>[0],
    signal?: AbortSignal,
  ): Promise<Download> {
    const call: Call = { method: 'POST', path: '/api/downloads', json: request, signal }
    return await this.#ask('download', call)
  }

  async download(id: string, waitMs: number, signal?: AbortSignal): Promise<Download> {
    const call: Call = { method: 'GET', path: downloadPath(id), query: { waitMs }, waitMs, signal }
    return await this.#ask('download', call)
  }

  downloads(signal?: AbortSignal): Promise<Download[]> {
    return this.#get('downloads', '/api/downloads', {}, signal)
  }

  async pauseDownload(id: string, signal?: AbortSignal): Promise<Download> {
    const call: Call = { method: 'POST', path: `${downloadPath(id)}/pause`, signal }
    return await this.#ask('download', call)
  }

  async resumeDownload(id: string, signal?: AbortSignal): Promise<Download> {
    const call: Call = { method: 'POST', path: `${downloadPath(id)}/resume`, signal }
    return await this.#ask('download', call)
  }

  async cancelDownload(id: string, signal?: AbortSignal): Promise<void> {
    await this.#exchange({ method: 'DELETE', path: downloadPath(id), signal })
  }

  limits(signal?: AbortSignal): Promise<Limits> {
    return this.#get('limits', '/api/limits', {}, signal)
  }

  async changeLimits(change: LimitsChange, signal?: AbortSignal): Promise<Limits> {
    const call: Call = { method: 'PATCH', path: '/api/limits', json: change, signal }
    return await this.#ask('limits', call)
  }

  keptFolders(signal?: AbortSignal): Promise<KeptFolders> {
    return this.#get('keptFolders', '/api/deletes', {}, signal)
  }

  async confirmDeletes(signal?: AbortSignal): Promise<ConfirmedDeletes> {
    return await this.#ask('confirmedDeletes', {
      method: 'POST',
      path: '/api/deletes/confirm',
      signal,
    })
  }

  async unshare(
    name: string,
    { owner, force }: UnshareOptions = {},
    signal?: AbortSignal,
  ): Promise<void> {
    // The name becomes a part of a URL, where '..' and half a surrogate pair mean something else.
    const path = `/api/files/${encodeURIComponent(parseName(name))}`
    await this.#exchange({ method: 'DELETE', path, query: { owner, force }, signal })
  }

  async unshareMatching(request: UnshareRequest, signal?: AbortSignal): Promise<UnsharedPage> {
    const call: Call = { method: 'POST', path: '/api/unshare', json: request, signal }
    return await this.#ask('unsharedPage', call)
  }

  async push(
    { name, bytes, replace, wait }: Parameters<PeerApi['push']>[0],
    signal?: AbortSignal,
  ): Promise<Pushed> {
    const call: Call = {
      method: 'POST',
      path: '/api/files',
      query: { name, replace, wait },
      signal,
    }
    const request = this.#open(call, {
      'content-type': 'application/octet-stream',
      // The peer may refuse before a byte is sent.
      expect: '100-continue',
    })
    // The peer says nothing while the file gets its copies.
    const deadlineMs = deadlines.connectionIdleMs + (wait ? deadlines.pushCopiesMs : 0)
    request.setTimeout(deadlineMs, () =>
      request.destroy(new AppError('DEADLINE_EXCEEDED', { what: 'push', deadlineMs })),
    )
    try {
      // How sending fails is told by the answer, or by the request itself.
      sendWhenWelcome(request, bytes).catch(() => {})
      const { body } = await this.#answerTo(request)
      return this.#checked('pushed', body, call)
    } finally {
      // A refusal may come before everything was sent.
      request.destroy()
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  #get<Kind extends ReplyKind>(
    kind: Kind,
    path: string,
    query: Query,
    signal: AbortSignal | undefined,
  ): Promise<ReplyOfKind<Kind>> {
    return this.#ask(kind, { method: 'GET', path, query, signal })
  }

  async #ask<Kind extends ReplyKind>(kind: Kind, call: Call): Promise<ReplyOfKind<Kind>> {
    const { body } = await this.#exchange(call)
    return this.#checked(kind, body, call)
  }

  #exchange(call: Call): Promise<Reply> {
    const deadlineMs = deadlines.httpRequestMs + (call.waitMs ?? 0)
    const deadline = { what: `${call.method} ${call.path}`, deadlineMs, signal: call.signal }
    return withDeadline(deadline, this.#clock, async (signal) => {
      const text = call.json === undefined ? undefined : JSON.stringify(call.json)
      const headers = text === undefined ? {} : { 'content-type': 'application/json' }
      const request = this.#open({ ...call, signal }, headers)
      request.end(text)
      return await this.#answerTo(request)
    })
  }

  #open(
    { method, path, query = {}, signal }: Call,
    headers: Record<string, string>,
  ): ClientRequest {
    const { url } = this.#options
    const asked = new URLSearchParams()
    for (const [key, value] of Object.entries(query))
      if (value !== undefined) asked.set(key, String(value))
    return httpRequest({
      agent: this.#agent,
      host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? 80 : Number(url.port),
      method,
      path: asked.size === 0 ? path : `${path}?${asked.toString()}`,
      headers,
      ...(signal !== undefined && { signal }),
    })
  }

  async #answerTo(request: ClientRequest): Promise<Reply> {
    try {
      const [response] = (await once(request, 'response')) as [IncomingMessage]
      const body = await readJson(response)
      const isRefusal = (response.statusCode ?? 500) >= 400
      if (isRefusal) throw this.#refusal(body, response)
      return { body, link: response.headers['link']?.toString() }
    } catch (error) {
      throw this.#explained(error)
    }
  }

  #refusal(body: unknown, response: IncomingMessage): AppError {
    if (problemWith('refusal', body) === undefined) return errorFromWire(body as ApiError)
    return this.#badReply('the HTTP API', `status ${response.statusCode ?? 0}`)
  }

  #checked<Kind extends ReplyKind>(
    kind: Kind,
    body: unknown,
    { method, path }: Call,
  ): ReplyOfKind<Kind> {
    const reason = problemWith(kind, body)
    if (reason === undefined) return body as ReplyOfKind<Kind>
    throw this.#badReply(`${method} ${path}`, reason)
  }

  #badReply(type: string, reason: string): AppError {
    return new AppError('BAD_REPLY', { address: this.#options.url.host, type, reason })
  }

  /** What a failed exchange means for whoever asked. */
  #explained(error: unknown): unknown {
    const { url, peerId } = this.#options
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

function downloadPath(id: string): string {
  return `/api/downloads/${encodeURIComponent(id)}`
}

/** Sends the bytes once the peer wants them. */
async function sendWhenWelcome(
  request: ClientRequest,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  request.flushHeaders()
  await once(request, 'continue')
  await pipeline(bytes, request)
}

/** The body as JSON, or undefined when it is empty or something else. */
async function readJson(response: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.byteLength
    if (bytes > limits.httpReplyBytesMax) {
      const details = { what: 'The answer', max: limits.httpReplyBytesMax, unit: 'bytes' }
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
