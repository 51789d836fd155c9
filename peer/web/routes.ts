/** Derives a route from each row of the table of calls. */
import type { IncomingHttpHeaders } from 'node:http'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
  RouteOptions,
} from 'fastify'
import Type, { type TObject } from 'typebox'
import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { problemType } from '../../common/http-problem.ts'
import { takesRequest } from '../api/call-outlines.ts'
import { type CallName, type CallRow, callNames, calls, type PeerApi } from '../api/calls.ts'
import { ProblemDetails } from '../api/problem-details.ts'
import { announcedBytes, uploadedBytes } from './upload.ts'

export type Web = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger
>

type Fields = Readonly<Record<string, unknown>>

/** A call without its types; the request has been validated against the row. */
type Ask = (request: Fields, signal: AbortSignal, headers: IncomingHttpHeaders) => Promise<unknown>
/** The API for a caller with these headers. */
export type ApiOf = (headers: IncomingHttpHeaders) => PeerApi

const rows: Readonly<Record<CallName, CallRow>> = calls

export async function addCallRoutes(
  web: Web,
  { apiOf, clock }: { apiOf: ApiOf; clock: Clock },
): Promise<void> {
  for (const name of callNames) {
    const row = rows[name]
    const ask = askerOf(apiOf, name, row)
    if (row.upload === true) await addUploadRoute(web, name, row, ask, { clock })
    else addRoutes(web, name, row, ask)
  }
}

/** Looks the method up on each request. */
function askerOf(apiOf: ApiOf, name: CallName, row: CallRow): Ask {
  type Call = (...request: (Fields | AbortSignal)[]) => Promise<unknown>
  return (request, signal, headers) => {
    const api = apiOf(headers) as unknown as Readonly<Record<CallName, Call>>
    return takesRequest(row) ? api[name](request, signal) : api[name](signal)
  }
}

function addRoutes(web: Web, name: CallName, row: CallRow, ask: Ask): void {
  const { method, path } = row
  const handler: RouteOptions['handler'] = async (request, reply) =>
    await answer(row, reply, (signal) => ask(fieldsOf(row, request), signal, request.headers))
  web.route({ method, url: path, schema: schemaOf(name, row), handler })
  if (row.endsWithName !== true) return
  const params = Type.Object({ '*': Type.String() })
  const schema = { hide: true, params, ...(row.query && { querystring: row.query }) }
  web.route({ method, url: path.replace(':name', '*'), schema, handler })
}

/** In a separate scope, the only one in which a body is a stream of bytes. */
async function addUploadRoute(
  web: Web,
  name: CallName,
  row: CallRow,
  ask: Ask,
  dependencies: { clock: Clock },
): Promise<void> {
  await web.register(async (uploads: Web) => {
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser('application/octet-stream', (_request, _payload, done) =>
      done(null),
    )
    uploads.route({
      method: row.method,
      url: row.path,
      schema: { ...schemaOf(name, row), consumes: ['application/octet-stream'] },
      handler: async (request, reply) => {
        // While the peer waits for copies the connection is silent, not idle: a listener keeps it open.
        reply.raw.on('timeout', () => {})
        const bytes = uploadedBytes(request, reply, dependencies)
        const upload = { ...fieldsOf(row, request), bytes, bytesAnnounced: announcedBytes(request) }
        return await answer(row, reply, (signal) => ask(upload, signal, request.headers))
      },
    })
  })
}

function schemaOf(
  operationId: CallName,
  { summary, params, query, body, reply, status }: CallRow,
): FastifySchema {
  const code = status ?? (reply === undefined ? 204 : 200)
  return {
    operationId,
    summary,
    ...(params && { params }),
    ...(query && { querystring: query }),
    ...(body && { body }),
    response: {
      [code]: reply ?? Type.Null(),
      default: { description: 'An error.', content: { [problemType]: { schema: ProblemDetails } } },
    },
  }
}

/** The fields that the row declares, each from its own part of the request: others were not validated. */
function fieldsOf(row: CallRow, { params, query, body }: FastifyRequest): Fields {
  const { '*': name, ...named } = params as Record<string, unknown>
  return {
    ...picked(row.params, name === undefined ? named : { name }),
    ...picked(row.query, query),
    ...picked(row.body, body),
  }
}

function picked(schema: TObject | undefined, given: unknown): Fields {
  if (schema === undefined) return {}
  const names = Object.keys(schema.properties)
  return Object.fromEntries(
    Object.entries(given as Fields).filter(([name]) => names.includes(name)),
  )
}

async function answer(
  row: CallRow,
  reply: FastifyReply,
  ask: (signal: AbortSignal) => Promise<unknown>,
): Promise<unknown> {
  const answered = await ask(clientSignal(reply))
  if (row.reply === undefined) return await reply.code(204).send(null)
  const fields = answered as Fields
  if (row.location !== undefined) reply.header('location', pathWith(row.location, fields))
  reply.code(row.status ?? 200)
  if (row.page === undefined) return answered
  const { next } = fields
  if (typeof next === 'string') reply.header('link', nextLink(row, reply.request, next))
  return fields[row.page]
}

function pathWith(path: string, fields: Fields): string {
  return path.replaceAll(/:(\w+)/g, (_, key: string) => encodeURIComponent(String(fields[key])))
}

/** The address of this page, with another `after`. */
function nextLink(row: CallRow, { query, routeOptions }: FastifyRequest, next: string): string {
  const fields = Object.entries({ ...picked(row.query, query), after: next })
  const target = new URLSearchParams(fields.map(([key, value]) => [key, String(value)]))
  return `<${routeOptions.url ?? ''}?${target.toString()}>; rel="next"`
}

/** Aborted if the client disconnects before the reply, also if it already has; one per reply. */
export function clientSignal({ raw }: FastifyReply): AbortSignal {
  const known = clientSignals.get(raw)
  if (known !== undefined) return known
  const gone = new AbortController()
  const onClose = (): void => {
    if (!raw.writableFinished) gone.abort(new AppError('CANCELLED', { what: 'The request' }))
  }
  if (raw.destroyed) onClose()
  else raw.once('close', onClose)
  clientSignals.set(raw, gone.signal)
  return gone.signal
}

const clientSignals = new WeakMap<FastifyReply['raw'], AbortSignal>()
