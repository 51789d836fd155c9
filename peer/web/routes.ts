/** The HTTP API over {@link PeerApi}: one route per method; schemas are those of peer/api/peer-api.ts. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify'
import Type from 'typebox'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import {
  ApiError,
  Download,
  DownloadRequest,
  ListedFile,
  Lookup,
  type PeerApi,
  Peers,
  Problems,
  SearchPage,
  Stats,
  Status,
  Versions,
  Why,
} from '../api/peer-api.ts'
import type { ListKind } from '../api/words.ts'

export type Web = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** Nothing longer is asked: the client asks again. Well below the idle time of proxies. */
const waitMsMax = 30_000

const NameQuery = Type.Object({
  name: Type.String({ description: 'The whole name of a file.' }),
})
const Kind = Type.Union(
  [
    Type.Literal('shared'),
    Type.Literal('downloaded'),
    Type.Literal('replicated'),
    Type.Literal('remote'),
    Type.Literal('both'),
  ] satisfies readonly { const: ListKind }[],
  { default: 'both', description: 'remote: what only others have. both: everything.' },
)
const page = {
  limit: Type.Integer({ minimum: 1, maximum: limits.pageRowsMax, default: limits.pageRowsMax }),
  after: Type.Optional(Type.String({ description: 'Where the page before this one ended.' })),
}
const IdParams = Type.Object({ id: Type.String() })

/** What a route answers, for its documentation and types. */
export function answers<Code extends number, Schema>(
  code: Code,
  schema: Schema,
): { [C in Code]: Schema } & { default: typeof ApiError } {
  return { [code]: schema, default: ApiError } as { [C in Code]: Schema } & {
    default: typeof ApiError
  }
}

/** Aborted when the client goes away before it has its answer. */
export function clientSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) gone.abort(new AppError('CANCELLED', { what: 'The request' }))
  })
  return gone.signal
}

/** What the index and this peer know of files. */
export function addQuestionRoutes(web: Web, { api }: { api: PeerApi }): void {
  web.get(
    '/api/lookup',
    {
      schema: { summary: 'Who has a file', querystring: NameQuery, response: answers(200, Lookup) },
    },
    (request, reply) => api.lookup(request.query.name, clientSignal(reply)),
  )
  web.get(
    '/api/search',
    {
      schema: {
        summary: 'Find names by a part of them, or by a glob',
        querystring: Type.Object({
          q: Type.String({ maxLength: limits.queryBytesMax, default: '' }),
          ...page,
        }),
        response: answers(200, SearchPage),
      },
    },
    ({ query: { q, ...rest } }, reply) => api.search({ query: q, ...rest }, clientSignal(reply)),
  )
  web.get(
    '/api/files',
    {
      schema: {
        summary: 'List files; a Link header names the next page',
        querystring: Type.Object({ kind: Kind, ...page }),
        response: answers(200, Type.Array(ListedFile)),
      },
    },
    async ({ query }, reply) => {
      const { files, next } = await api.list(query, clientSignal(reply))
      if (next !== undefined) {
        const { kind, limit } = query
        const target = new URLSearchParams({ kind, limit: String(limit), after: next })
        reply.header('link', `</api/files?${target.toString()}>; rel="next"`)
      }
      return files
    },
  )
  web.get(
    '/api/why',
    {
      schema: {
        summary: 'Where the copies of a file are and, if copies lack, why',
        querystring: NameQuery,
        response: answers(200, Why),
      },
    },
    (request, reply) => api.why(request.query.name, clientSignal(reply)),
  )
}

/** How this peer, the others and all of them together are. */
export function addClusterRoutes(web: Web, { api }: { api: PeerApi }): void {
  web.get(
    '/api/problems',
    {
      schema: {
        summary: 'What lies in the folders of this peer and is not shared, and what to do',
        response: answers(200, Problems),
      },
    },
    (_request, reply) => api.problems(clientSignal(reply)),
  )
  web.get(
    '/api/versions',
    {
      schema: {
        summary: 'The contents of a file: the current one, and replaced ones that are kept',
        querystring: NameQuery,
        response: answers(200, Versions),
      },
    },
    (request, reply) => api.versions(request.query.name, clientSignal(reply)),
  )
  web.get(
    '/api/peers',
    { schema: { summary: 'The peers that the index knows', response: answers(200, Peers) } },
    (_request, reply) => api.peers(clientSignal(reply)),
  )
  web.get(
    '/api/stats',
    { schema: { summary: 'How this peer performs', response: answers(200, Stats) } },
    (_request, reply) => api.stats(clientSignal(reply)),
  )
  web.get(
    '/api/status',
    { schema: { summary: 'How the cluster is', response: answers(200, Status) } },
    (_request, reply) => api.status(clientSignal(reply)),
  )
}

/** Downloads: started by one request, followed and cancelled by others. */
export function addDownloadRoutes(web: Web, { api }: { api: PeerApi }): void {
  web.post(
    '/api/downloads',
    {
      schema: {
        summary: 'Start a download',
        body: DownloadRequest,
        response: answers(202, Download),
      },
    },
    async ({ body }, reply) => {
      const download = await api.startDownload(body, clientSignal(reply))
      reply.code(202).header('location', `/api/downloads/${encodeURIComponent(download.id)}`)
      return download
    },
  )
  web.get(
    '/api/downloads/:id',
    {
      schema: {
        summary: 'A download, as soon as it ended or after waitMs',
        params: IdParams,
        querystring: Type.Object({
          waitMs: Type.Integer({ minimum: 0, maximum: waitMsMax, default: 0 }),
        }),
        response: answers(200, Download),
      },
    },
    ({ params, query }, reply) => api.download(params.id, query.waitMs, clientSignal(reply)),
  )
  web.delete(
    '/api/downloads/:id',
    {
      schema: {
        summary: 'Cancel a download',
        params: IdParams,
        response: answers(204, Type.Null()),
      },
    },
    async ({ params }, reply) => {
      await api.cancelDownload(params.id, clientSignal(reply))
      return reply.code(204).send(null)
    },
  )
}

/** All downloads; pausing and resuming them. */
export function addDownloadListRoutes(web: Web, { api }: { api: PeerApi }): void {
  web.get(
    '/api/downloads',
    {
      schema: {
        summary: 'The downloads that have not ended, and the last ones that have',
        response: answers(200, Type.Array(Download)),
      },
    },
    (_request, reply) => api.downloads(clientSignal(reply)),
  )
  web.post(
    '/api/downloads/:id/pause',
    {
      schema: {
        summary: 'Stop a download until it is resumed; what came is kept',
        params: IdParams,
        response: answers(200, Download),
      },
    },
    ({ params }, reply) => api.pauseDownload(params.id, clientSignal(reply)),
  )
  web.post(
    '/api/downloads/:id/resume',
    {
      schema: {
        summary: 'Let a paused download go on',
        params: IdParams,
        response: answers(200, Download),
      },
    },
    ({ params }, reply) => api.resumeDownload(params.id, clientSignal(reply)),
  )
}
