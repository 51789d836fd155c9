import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { AppError, hasCode } from '../../../common/errors.ts'
import { parseFolder } from '../../../common/ids.ts'
import { limits } from '../../../common/limits.ts'
import type { Folder } from '../../api/file-shapes.ts'
import { clientSignal, type Web } from '../routes.ts'
import type { FileSender } from './file-sender.ts'
import type { FileSources } from './file-sources.ts'
import { listingEnd, listingHead, listingPolicy, listingRow } from './listing-page.ts'
import { pathOf } from './mirrors.ts'
import { fileByName } from './wanted-file.ts'

/**
 * Rows of a page, sent as they are read: `rclone` follows no link to a next page, so that only folders
 * that are larger than those of people have one.
 */
const listingRowsMax = 20_000

interface Route {
  Params: { '*': string }
  Querystring: { after?: string; limit?: number }
}

interface Dependencies {
  readonly sources: FileSources
  readonly sender: FileSender
}

/**
 * Adds `/browse/*`: a path that ends with a slash is a folder; another one is a file, sent here and not by
 * a redirect, because tools that walk a site stay on it.
 */
export function addBrowseDoor(web: Web, { sources, sender }: Dependencies): void {
  const querystring = Type.Object({
    after: Type.Optional(Type.String({ minLength: 1, maxLength: 4 * limits.nameBytesMax })),
    limit: Type.Integer({ minimum: 1, maximum: listingRowsMax, default: listingRowsMax }),
  })
  web.get('/browse', { schema: { hide: true } }, async (_, reply) =>
    reply.redirect('/browse/', 301),
  )
  web.route<Route>({
    method: ['GET', 'HEAD'],
    url: '/browse/*',
    schema: { hide: true, querystring },
    handler: async (request, reply) => {
      const path = request.params['*']
      if (path === '' || path.endsWith('/')) return await listing(request, reply)
      try {
        const file = await fileByName(path, sources, clientSignal(reply))
        return await sender.send(file, request, reply, { isByHash: false, mayRedirect: false })
      } catch (error) {
        const isAbsent = hasCode(error, 'NAME_NOT_FOUND') || hasCode(error, 'FILE_DELETED')
        if (!isAbsent || !(await isFolder(path, clientSignal(reply)))) throw error
        return await reply.redirect(`/browse/${pathOf(path)}/`, 301)
      }
    },
  })

  async function isFolder(folder: string, signal: AbortSignal): Promise<boolean> {
    return (await sources.folder({ folder, limit: 1 }, signal)).entries.length > 0
  }

  async function listing(
    request: FastifyRequest<Route>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const signal = clientSignal(reply)
    const folder = parseFolder(request.params['*'])
    const { after, limit = listingRowsMax } = request.query
    const page = { folder, limit: Math.min(limit, limits.pageRowsMax), ...(after && { after }) }
    const first = await sources.folder(page, signal)
    if (first.entries.length === 0 && folder !== '' && after === undefined)
      throw new AppError('NAME_NOT_FOUND', { name: `${folder}/` })
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', listingPolicy)
      .header('x-content-type-options', 'nosniff')
      .header('cache-control', 'private, no-cache')
    if (request.method === 'HEAD') return await reply.send()
    return await reply.send(Readable.from(htmlOf(first, limit, signal), { objectMode: false }))
  }

  async function* htmlOf(
    first: Folder,
    limit: number,
    signal: AbortSignal,
  ): AsyncGenerator<string> {
    yield listingHead(first.folder)
    let [page, left] = [first, limit]
    for (;;) {
      yield page.entries.map(listingRow).join('')
      left -= page.entries.length
      const { folder, next } = page
      if (next === undefined || left <= 0) {
        const isEmpty = left === limit
        yield listingEnd(next, isEmpty)
        return
      }
      const request = { folder, limit: Math.min(left, limits.pageRowsMax), after: next }
      page = await sources.folder(request, signal)
    }
  }
}
