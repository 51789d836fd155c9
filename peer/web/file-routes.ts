import Type from 'typebox'
import type { Clock } from '../../common/clock.ts'
import { type PeerApi, Pushed, UnsharedPage, UnshareRequest } from '../api/peer-api.ts'
import { answers, clientSignal, type Web } from './routes.ts'
import { announcedBytes, uploadedBytes } from './upload.ts'

const NameParams = Type.Object({ name: Type.String({ description: 'Percent-encoded.' }) })
const RestParams = Type.Object({ '*': Type.String() })

/** Sharing and unsharing files. */
export async function addFileRoutes(
  web: Web,
  dependencies: { api: PeerApi; clock: Clock },
): Promise<void> {
  addUnshareRoutes(web, dependencies)
  await addUploadRoute(web, dependencies)
}

function addUnshareRoutes(web: Web, { api }: { api: PeerApi }): void {
  const owner = Type.Optional(Type.String({ description: 'Default: this peer.' }))
  const force = Type.Boolean({
    default: false,
    description: 'Whether a file of another peer may be taken out.',
  })
  const querystring = Type.Object({ owner, force })
  web.delete(
    '/api/files/:name',
    {
      schema: {
        summary: 'Take a file out of the cluster; its owner keeps it on disk',
        params: NameParams,
        querystring,
        response: answers(204, Type.Null()),
      },
    },
    async ({ params, query }, reply) => {
      await api.unshare(params.name, query, clientSignal(reply))
      return reply.code(204).send(null)
    },
  )
  // The same for a name whose slashes were left as they are.
  web.delete(
    '/api/files/*',
    { schema: { hide: true, params: RestParams, querystring } },
    async ({ params, query }, reply) => {
      await api.unshare(params['*'], query, clientSignal(reply))
      return reply.code(204).send(null)
    },
  )
  web.post(
    '/api/unshare',
    {
      schema: {
        summary: 'Take files that a pattern matches out of the cluster, one page of them',
        body: UnshareRequest,
        response: answers(200, UnsharedPage),
      },
    },
    ({ body }, reply) => api.unshareMatching(body, clientSignal(reply)),
  )
}

/** In a scope of its own: here alone a body is a stream of bytes, and nothing else is taken. */
async function addUploadRoute(
  web: Web,
  { api, clock }: { api: PeerApi; clock: Clock },
): Promise<void> {
  await web.register(async (uploads: Web) => {
    uploads.removeAllContentTypeParsers()
    uploads.addContentTypeParser('application/octet-stream', (_request, _payload, done) =>
      done(null),
    )
    uploads.post(
      '/api/files',
      {
        schema: {
          summary: 'Share the bytes of the body as a file',
          consumes: ['application/octet-stream'],
          querystring: Type.Object({
            name: Type.String({ description: 'The name it gets in shared/.' }),
            replace: Type.Boolean({
              default: false,
              description: 'Whether a file of this name with other bytes may be replaced.',
            }),
            wait: Type.Boolean({
              default: false,
              description: 'Whether to answer only when the file has all its copies.',
            }),
          }),
          response: answers(201, Pushed),
        },
      },
      async (request, reply) => {
        // Silent while the file gets its copies, the connection is not idle: with a listener it stays open.
        reply.raw.on('timeout', () => {})
        const bytes = uploadedBytes(request, reply, { clock })
        const bytesAnnounced = announcedBytes(request)
        const push = { ...request.query, bytes, bytesAnnounced }
        const pushed = await api.push(push, clientSignal(reply))
        return reply.code(201).send(pushed)
      },
    )
  })
}
