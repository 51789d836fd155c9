import { Readable } from 'node:stream'
import type { Clock } from '../../common/clock.ts'
import type { Web } from './routes.ts'
import { hasBody, uploadedBytes } from './upload.ts'

/** Reads the bodies that Fastify parses at the pace of uploads, too: a slow one holds a running request. */
export function addBodyPace(web: Web, dependencies: { clock: Clock }): void {
  web.addHook('preParsing', async (request, reply, payload) => {
    if (!hasBody(request) || !request.server.hasContentTypeParser('application/json'))
      return payload
    return Readable.from(uploadedBytes(request, reply, dependencies), { objectMode: false })
  })
}
