/** GET and HEAD. */
import { Readable } from 'node:stream'
import { rangeOf } from './byte-range.ts'
import type { DavParts } from './dav-parts.ts'
import { DavRefusal } from './dav-refusal.ts'
import type { DavRequest } from './dav-request.ts'
import type { Resource } from './drive.ts'
import { existing } from './preconditions.ts'

export async function get(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, reply, signal, headers, method } = asked
  const resource = await existing(name, parts, signal)
  if (resource.kind === 'folder') return await folder(asked)
  const { etag = '', size, modifiedMs } = resource
  reply.header('etag', etag).header('accept-ranges', 'bytes').type('application/octet-stream')
  if (modifiedMs !== undefined) reply.header('last-modified', new Date(modifiedMs).toUTCString())
  if (isUnchanged(asked, resource)) return await reply.code(304).send()
  const ifMatch = headers['if-match']
  if (ifMatch !== undefined && ifMatch !== '*' && !tagsIn(ifMatch).includes(etag))
    throw new DavRefusal(412, 'If-Match does not hold.')
  const ifRange = headers['if-range']
  const range = ifRange === undefined || ifRange === etag ? rangeOf(headers.range, size) : undefined
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${size}`)
    throw new DavRefusal(416, `The file has ${size} bytes.`)
  }
  const { start, bytes } = range ?? { start: 0, bytes: size }
  if (range !== undefined)
    reply.code(206).header('content-range', `bytes ${start}-${start + bytes - 1}/${size}`)
  reply.header('content-length', bytes)
  if (method === 'HEAD' || bytes === 0) return await reply.send(method === 'HEAD' ? undefined : '')
  return await reply.send(Readable.from(parts.read(resource, { start, bytes }, signal)))
}

/** A folder has no bytes; browsers and clients that look at it are told what it is. */
async function folder({ reply, method }: DavRequest): Promise<unknown> {
  reply.type('text/plain; charset=utf-8')
  return await reply.send(
    method === 'HEAD' ? undefined : 'A folder of a Tandem cluster. Open it with a WebDAV client.\n',
  )
}

function isUnchanged({ headers }: DavRequest, { etag = '', modifiedMs }: Resource): boolean {
  const tags = headers['if-none-match']
  if (tags !== undefined) return tags.trim() === '*' || tagsIn(tags).includes(etag)
  const since = Date.parse(headers['if-modified-since'] ?? '')
  return modifiedMs !== undefined && 1_000 * Math.floor(modifiedMs / 1_000) <= since
}

function tagsIn(list: string): string[] {
  return list.split(',').map((tag) => tag.trim())
}
