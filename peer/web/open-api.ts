import type { SwaggerTransform } from '@fastify/swagger'
import { fastify } from 'fastify'
import { withoutCompilers } from './compilers.ts'
import type { Paths } from './docs/open-api-types.ts'
import type { Web } from './routes.ts'

/** Sections of the documentation. A route belongs to the first one with a matching path. */
const sections = [
  {
    name: 'Files',
    description: 'Find files, share them, and see where their copies are.',
    paths: /^\/api\/(files|folders|lookup|search|unshare|versions|why)\b/,
  },
  {
    name: 'Downloads',
    description: 'Downloads from other peers to this one.',
    paths: /^\/api\/downloads\b/,
  },
  {
    name: 'Deletes and repair',
    description: 'Deleted, missing, damaged and unsuitable files, and what to do about them.',
    paths: /^\/api\/(deletes|problems|scrub\w*|trash)\b/,
  },
  {
    name: 'Activity',
    description: 'What happened, what is going on, and how fast.',
    paths: /^\/api\/(events|history|queries|series|stats|transfers)\b/,
  },
  {
    name: 'Session',
    description: 'For browsers, and the codes of errors.',
    paths: /^\/api\/session\b/,
  },
  { name: 'Cluster', description: 'Peers, copies, replication and limits.', paths: /^\/api\// },
  {
    name: 'Doors',
    description: 'Files for other tools: browsers, `curl`, `aria2c`, `rclone`, file managers.',
    paths: /^\/(files|browse|dav)\b/,
  },
  { name: 'Monitoring', description: 'Health and metrics.', paths: /^/ },
] as const

const introduction = `What the commands of \`tandem\` ask a running peer; each command has its route here, and the web page uses nothing else.

- **Errors** are problem details (RFC 9457). \`code\` is for programs; \`GET /api/errors\` lists all codes with their status. \`retryable\` says whether
  the same request may succeed later.
- **Lists** that may be long have \`limit\` and \`after\`. The next page is named by \`next\`, or by a \`Link\` header with \`rel="next"\`.
- **Token**: where other machines can reach the peer, send it as \`Authorization: Bearer\`, or as the password of any user. \`tandem token\` shows it.
- **Rates**: a machine that sends too many requests gets 429 and \`Retry-After\`.
- \`GET /api/events\` with \`Accept: text/event-stream\` is a stream of server-sent events, resumed by \`Last-Event-ID\`.`

/**
 * The OpenAPI document of these routes. They are added to a separate instance, which never listens:
 * few processes are asked for the document, and the packages that write it take 4 MB.
 */
export async function openApiOf(
  addRoutes: (web: Web) => Promise<void>,
): Promise<ReturnType<Web['swagger']>> {
  const { fastifySwagger } = await import('@fastify/swagger')
  await using web = fastify(withoutCompilers)
  web.setValidatorCompiler(() => () => true)
  web.setSerializerCompiler(() => JSON.stringify)
  await web.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tandem peer', version: '1', description: introduction },
      tags: sections.map(({ name, description }) => ({ name, description })),
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'The token of the peer.' },
          basic: { type: 'http', scheme: 'basic', description: 'The token as the password.' },
        },
      },
      // Also without any: on loopback, and in a browser that has the cookie.
      security: [{}, { bearer: [] }, { basic: [] }],
    },
    transform: asDocumented,
  })
  await addRoutes(web)
  await web.ready()
  const document = web.swagger()
  const { completePaths } = await import('./docs/complete-paths.ts')
  return { ...document, paths: completePaths(document.paths as Paths) } as typeof document
}

const asDocumented: SwaggerTransform = ({ schema, url }) => {
  const tag = sections.find(({ paths }) => paths.test(url))
  // The body of an upload is a stream, which no schema validates.
  const isUpload = schema.consumes?.includes('application/octet-stream') === true
  return {
    url,
    schema: {
      ...schema,
      ...(tag && { tags: [tag.name] }),
      ...(isUpload && { body: { type: 'string', format: 'binary' } }),
    },
  }
}
