import { fastify } from 'fastify'
import { withoutCompilers } from './compilers.ts'
import type { Web } from './routes.ts'

/**
 * The OpenAPI document of these routes. They are added to an instance of its own, which never listens:
 * few processes are asked for the document, and the packages that write it take 4 MB.
 */
export async function openApiOf(addRoutes: (web: Web) => Promise<void>): Promise<object> {
  const { fastifySwagger } = await import('@fastify/swagger')
  await using web = fastify(withoutCompilers)
  web.setValidatorCompiler(() => () => true)
  web.setSerializerCompiler(() => JSON.stringify)
  await web.register(fastifySwagger, {
    openapi: { info: { title: 'Tandem peer', version: '1' } },
  })
  await addRoutes(web)
  await web.ready()
  return web.swagger()
}
