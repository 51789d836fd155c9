import type { CallReply, CallRequest } from '../../../api/calls.ts'
import { callsUsed, type UsedCall } from './calls-used.ts'
import { isAbort, problemOf, unreachable } from './problem.ts'

type Fields = Readonly<Record<string, unknown>>

/** The arguments of a call: its request, if it takes one, then a signal. */
export type CallArguments<Name extends UsedCall> =
  unknown extends CallRequest<Name>
    ? [request?: undefined, signal?: AbortSignal]
    : [request: GivenRequest<Name>, signal?: AbortSignal]

/** Fields with a default need not be given. */
type GivenRequest<Name extends UsedCall> = Pick<
  CallRequest<Name>,
  Extract<keyof CallRequest<Name>, 'name' | 'id' | 'peerId' | 'pattern'>
> & { readonly [Key in keyof CallRequest<Name>]?: CallRequest<Name>[Key] | undefined }

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** The peer that serves this page, over its HTTP API. */
export class Client {
  readonly #fetch: Fetch
  readonly #onTokenRequired: () => void

  constructor({ fetch, onTokenRequired }: { fetch: Fetch; onTokenRequired: () => void }) {
    this.#fetch = fetch
    this.#onTokenRequired = onTokenRequired
  }

  /** @throws Problem; AbortError when `signal` is aborted */
  async call<Name extends UsedCall>(
    name: Name,
    ...[request, signal]: CallArguments<Name>
  ): Promise<CallReply<Name>> {
    const route: { method: string; path: string; body?: true; page?: string } = callsUsed[name]
    const fields: Record<string, unknown> = { ...(request as Fields | undefined) }
    const path = route.path.replaceAll(/:(\w+)/g, (_, key: string) => {
      const value = encodeURIComponent(String(fields[key]))
      delete fields[key]
      return value
    })
    const reply = route.body
      ? await this.request(route.method, path, { json: fields, signal })
      : await this.request(route.method, path + queryOf(fields), { signal })
    if (reply.status === 204) return undefined as CallReply<Name>
    const body: unknown = await reply.json()
    if (route.page === undefined) return body as CallReply<Name>
    return { [route.page]: body, next: nextPageOf(reply.headers) } as CallReply<Name>
  }

  /** @throws Problem unless the reply is a success; AbortError */
  async request(
    method: string,
    path: string,
    {
      json,
      headers,
      signal,
    }: { json?: unknown; headers?: Record<string, string>; signal?: AbortSignal | undefined } = {},
  ): Promise<Response> {
    let reply: Response
    try {
      reply = await this.#fetch(path, {
        method,
        credentials: 'same-origin',
        ...(json !== undefined && { body: JSON.stringify(json) }),
        headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(signal && { signal }),
      })
    } catch (error) {
      if (isAbort(error) || signal?.aborted === true) throw error
      throw unreachable()
    }
    if (reply.ok) return reply
    const problem = problemOf(reply.status, await reply.json().catch(() => undefined))
    if (problem.code === 'TOKEN_REQUIRED') this.#onTokenRequired()
    throw problem
  }

  /** Exchanges the peer's token for a cookie. @throws Problem if the token is wrong */
  async openSession(token: string): Promise<void> {
    await this.request('POST', '/api/session', { json: { token } })
  }
}

/** The `after` of the next page in a Link header, if there is one. */
function nextPageOf(headers: Headers): string | undefined {
  const target = /<([^>]*)>; rel="next"/.exec(headers.get('link') ?? '')?.[1]
  return target === undefined
    ? undefined
    : (new URL(target, 'http://peer').searchParams.get('after') ?? undefined)
}

function queryOf(fields: Fields): string {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString()}`
}
