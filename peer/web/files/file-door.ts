/** Doors for tools that speak HTTP and nothing else: files, and documents that describe them. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { limits } from '../../../common/limits.ts'
import { clientSignal, type Web } from '../routes.ts'
import { addBrowseDoor } from './browse-door.ts'
import { documentIn, FileDocuments } from './file-documents.ts'
import { preflight } from './file-headers.ts'
import type { FileSender } from './file-sender.ts'
import type { FileSources } from './file-sources.ts'
import { fileByHash, fileByName } from './wanted-file.ts'

interface ByHash {
  Params: { sha256: string; '*': string }
  Querystring: { via?: string }
}

const Name = Type.String({ maxLength: limits.nameBytesMax + '.torrent'.length })

/** Adds `/files/…` and `/browse/…`. */
export function addFileDoor(web: Web, sources: FileSources, sender: FileSender): void {
  const documents = new FileDocuments(sources, sender)
  const method: ['GET', 'HEAD'] = ['GET', 'HEAD']
  const schema = { hide: true, params: Type.Object({ '*': Name }) }
  web.route<{ Params: { '*': string }; Querystring: { via?: string } }>({
    method,
    url: '/files/by-name/*',
    schema,
    handler: async (request, reply) => {
      const file = await fileByName(request.params['*'], sources, clientSignal(reply))
      return await sender.send(file, request, reply, { isByHash: false, mayRedirect: true })
    },
  })
  web.route<ByHash>({
    method,
    url: '/files/:sha256/*',
    schema: { hide: true, params: Type.Object({ sha256: Type.String(), '*': Name }) },
    handler: async (request, reply) => await byHash(request, reply),
  })
  web.options('/files/:sha256/*', { schema: { hide: true } }, async (_, reply) =>
    reply.code(204).headers(preflight).send(),
  )
  addBrowseDoor(web, { sources, sender })

  async function byHash(
    request: FastifyRequest<ByHash>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { sha256, '*': name } = request.params
    const document = documentIn(name)
    if (document !== undefined && !(await isFile(name, sha256, clientSignal(reply))))
      return await documents.send(document, sha256, request, reply)
    const file = await fileByHash(name, sha256, sources, clientSignal(reply))
    const mayRedirect = request.query.via === undefined
    return await sender.send(file, request, reply, { isByHash: true, mayRedirect })
  }

  /** Whether a name that looks like a document's is that of a file with this content. */
  async function isFile(name: string, sha256: string, signal: AbortSignal): Promise<boolean> {
    try {
      return (await sources.lookup(name, signal, sha256)).some((one) => one.sha256 === sha256)
    } catch {
      signal.throwIfAborted()
      return false
    }
  }
}
