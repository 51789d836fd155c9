/** PUT, MKCOL and DELETE. */
import { AppError } from '../../../common/errors.ts'
import type { DavParts } from './dav-parts.ts'
import { DavRefusal } from './dav-refusal.ts'
import { type DavRequest, depthOf, modifiedMsOf, refuseBody } from './dav-request.ts'
import {
  checkConditions,
  checkLocks,
  checkOwn,
  checkParent,
  existing,
  findForWriting,
} from './preconditions.ts'

export async function put(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, headers, reply, signal, bytes, bytesAnnounced } = asked
  if ('content-range' in headers)
    throw new AppError('BAD_REQUEST', { path: 'Content-Range', reason: 'is not supported' })
  const before = await findForWriting(name, parts, signal)
  if (before?.kind === 'folder' || asked.isFolderUrl)
    throw new DavRefusal(405, `'${name}' is a folder.`)
  await checkParent(name, parts, signal)
  await checkConditions(asked, before, parts)
  checkLocks({ name, isDeep: false, isMembership: before === undefined }, asked, parts)
  const modifiedMs = modifiedMsOf(asked)
  await parts.store({ name, bytes, bytesAnnounced, modifiedMs }, signal)
  if (before === undefined) parts.properties.remove(name)
  const after = await findForWriting(name, parts, signal)
  if (after?.etag !== undefined) reply.header('etag', after.etag)
  if (modifiedMs !== undefined) reply.header('x-oc-mtime', 'accepted')
  return await reply.code(before === undefined ? 201 : 204).send()
}

export async function makeCollection(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, reply, signal } = asked
  await refuseBody(asked)
  const before = await findForWriting(name, parts, signal)
  if (before !== undefined) throw new DavRefusal(405, `'${name}' exists.`)
  await checkParent(name, parts, signal)
  await checkConditions(asked, before, parts)
  checkLocks({ name, isDeep: false, isMembership: true }, asked, parts)
  await parts.tree.makeFolder(name)
  parts.properties.remove(name)
  return await reply.code(201).send()
}

export async function remove(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, reply, signal } = asked
  const resource = await existing(name, parts, signal)
  if (resource.kind === 'folder' && depthOf(asked) !== 'infinity')
    throw new AppError('BAD_REQUEST', { path: 'Depth', reason: 'must be infinity for a folder' })
  await checkConditions(asked, resource, parts)
  checkLocks({ name, isDeep: true, isMembership: true }, asked, parts)
  await checkOwn(resource, parts, signal)
  await parts.tree.remove(name)
  parts.locks.removeAll(name)
  parts.properties.remove(name)
  return await reply.code(204).send()
}
