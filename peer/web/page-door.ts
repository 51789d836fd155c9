/** Serves the web page, which `npm run setup` builds from `peer/web/page`. */
import { fileURLToPath } from 'node:url'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Encoding, type PageFile, PageFiles } from './page-files.ts'
import type { Web } from './routes.ts'

/** Where the build is. */
export const pageFolder = fileURLToPath(new URL('./page-dist', import.meta.url))

const notBuilt = `<!doctype html>
<html lang="en">
<title>Tandem</title>
<h1>The web page is not built</h1>
<p>In the folder of Tandem, run <code>npm run setup</code>, then load this page again. The HTTP API works without it.</p>
</html>
`

/** Names in `assets` contain a hash of their content. */
const forEver = 'public, max-age=31536000, immutable'

/** Adds `/` and `/assets/*`. The page contains no data, so that it can be loaded without a token. */
export function addPage(web: Web, { folder }: { folder: string }): void {
  const files = new PageFiles(folder)
  const schema = { hide: true }
  web.get('/', { schema }, async (request, reply) => {
    const page = await files.get('index.html')
    if (page !== undefined) return await send(page, 'no-cache', request, reply)
    return await reply.code(503).type('text/html; charset=utf-8').send(notBuilt)
  })
  web.get<{ Params: { '*': string } }>('/assets/*', { schema }, async (request, reply) => {
    const asset = await files.get(`assets/${request.params['*']}`)
    if (asset === undefined) return reply.callNotFound()
    return await send(asset, forEver, request, reply)
  })
}

async function send(
  { contentType, hash, bodies }: PageFile,
  cacheControl: string,
  { headers }: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const encoding = chooseEncoding(headers['accept-encoding'] ?? '', bodies)
  const etag = `"${hash}${encoding === 'identity' ? '' : `-${encoding}`}"`
  reply.header('cache-control', cacheControl).header('etag', etag).header('vary', 'accept-encoding')
  if (headers['if-none-match']?.split(/\s*,\s*/).includes(etag) === true)
    return await reply.code(304).send()
  if (encoding !== 'identity') reply.header('content-encoding', encoding)
  return await reply.type(contentType).send(bodies[encoding])
}

/** The smallest form that the client accepts; `q=0` refuses one. */
export function chooseEncoding(
  accepted: string,
  bodies: Readonly<Partial<Record<Encoding, unknown>>>,
): Encoding {
  const names = accepted
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((word) => word.trim()))
    .filter(([, weight]) => weight === undefined || !/^q=0(\.0*)?$/.test(weight))
    .map(([name]) => name)
  const order = ['br', 'gzip'] as const
  return order.find((name) => names.includes(name) && name in bodies) ?? 'identity'
}
