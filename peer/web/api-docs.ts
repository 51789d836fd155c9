/** The description of the API, for programs at /api/openapi.json and for people at /api/docs. */
import type { StaticDocumentSpec } from '@fastify/swagger'
import { fastify } from 'fastify'
import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import { withoutCompilers } from './compilers.ts'
import { openApiOf } from './open-api.ts'
import type { Web } from './routes.ts'
import { answerErrors } from './web-errors.ts'

const docsPath = '/api/docs'

interface DocsDependencies {
  readonly clock: Clock
  readonly log: Log
}

/** Both are made on the first request: an ordinary peer does not load their packages. */
export function addApiDocs(
  web: Web,
  addRoutes: (web: Web) => Promise<void>,
  dependencies: DocsDependencies,
): void {
  const schema = { hide: true }
  const document = once(async () => await openApiOf(addRoutes))
  const viewer = once(async () => await viewerOf(await document(), dependencies))
  web.get('/api/openapi.json', { schema }, document)
  for (const url of [docsPath, `${docsPath}/*`])
    web.get(url, { schema }, async (request, reply) => {
      const { routing } = await viewer()
      reply.hijack()
      routing(request.raw, reply.raw)
    })
}

/** Swagger UI, on an instance that does not listen. It asks no other host for anything. */
async function viewerOf(
  document: Awaited<ReturnType<typeof openApiOf>>,
  { clock, log }: DocsDependencies,
): Promise<Pick<Web, 'routing'>> {
  const [{ fastifySwagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ])
  const viewer = fastify(withoutCompilers)
  viewer.setValidatorCompiler(() => () => true)
  viewer.setSerializerCompiler(() => JSON.stringify)
  answerErrors(viewer, { clock, log, challenge: () => '' })
  await viewer.register(fastifySwagger, {
    mode: 'static',
    specification: { document } as StaticDocumentSpec,
  })
  await viewer.register(swaggerUi, {
    routePrefix: docsPath,
    theme: { title: 'Tandem: HTTP API' },
    uiConfig: {
      // Without the bar of another project, whose field for the address of another document is useless here.
      layout: 'BaseLayout',
      docExpansion: 'list',
      tryItOutEnabled: true,
      displayRequestDuration: true,
    },
  })
  await viewer.ready()
  return viewer
}

/** Runs `make` once, and again only after it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return async () => {
    made ??= make()
    try {
      return await made
    } catch (error) {
      made = undefined
      throw error
    }
  }
}
