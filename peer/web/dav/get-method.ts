/** GET and HEAD: contents are sent as by the other doors for files. */
import { Readable } from 'node:stream'
import { AppError } from '../../../common/errors.ts'
import { conditionOf, rangeOf } from '../files/conditions.ts'
import { contentTypeOf } from '../files/content-type.ts'
import { pathOf } from '../files/mirrors.ts'
import { fileByHash } from '../files/wanted-file.ts'
import type { DavParts } from './dav-parts.ts'
import type { DavRequest } from './dav-request.ts'
import type { Resource } from './drive.ts'
import { existing } from './preconditions.ts'

export async function get(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, request, reply, signal } = asked
  const resource = await existing(name, parts, signal)
  // A folder has no bytes: people who open it in a browser are shown its files.
  if (resource.kind === 'folder')
    return await reply.redirect(`/browse/${name === '' ? '' : `${pathOf(name)}/`}`, 302)
  const { sha256, etag = '', modifiedMs } = resource
  if (sha256 === undefined) return await unread(asked, resource, parts)
  const file = await fileByHash(name, sha256, parts.sources, signal)
  // Programs that work with folders follow no redirect to another peer.
  const options = { isByHash: false, mayRedirect: false, etag }
  return await parts.sender.send({ ...file, modifiedMs }, request, reply, options)
}

/** A file of this peer that is ignored, unshared, or not read yet: no hash of it is known. */
async function unread(
  { request, reply, name }: DavRequest,
  { size, etag = '', modifiedMs = 0 }: Resource,
  { readUnread }: Pick<DavParts, 'readUnread'>,
): Promise<unknown> {
  reply.header('etag', etag).header('accept-ranges', 'bytes').type(contentTypeOf(name))
  reply.header('content-disposition', 'attachment')
  reply.header('last-modified', new Date(modifiedMs).toUTCString())
  const about = { etag: etag.replace('W/', ''), size, modifiedMs }
  const condition = conditionOf(request.headers, about)
  if (condition === 'failed') throw new AppError('PRECONDITION_FAILED')
  if (condition === 'not-modified') return await reply.code(304).send()
  const range = rangeOf(request.headers, about)
  if (range === 'unsatisfiable') {
    reply.header('content-range', `bytes */${size}`)
    throw new AppError('RANGE_UNSATISFIABLE', { size })
  }
  const { start, bytes } = range ?? { start: 0, bytes: size }
  if (range !== undefined)
    reply.code(206).header('content-range', `bytes ${start}-${start + bytes - 1}/${size}`)
  reply.header('content-length', bytes)
  if (request.method === 'HEAD') return await reply.send()
  if (bytes === 0) return await reply.send('')
  return await reply.send(Readable.from(readUnread(name, { start, bytes }), { objectMode: false }))
}
