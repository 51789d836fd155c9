/** PUT, MKCOL and DELETE. */
import { AppError } from '../../../common/errors.ts'
import type { DavParts } from './dav-parts.ts'
import { DavRefusal } from './dav-refusal.ts'
import { type DavRequest, depthOf, modifiedMsOf, refuseBody } from './dav-request.ts'
import type { Resource } from './drive.ts'
import {
  checkConditions,
  checkLocks,
  checkOwn,
  checkParent,
  existing,
  findForWriting,
} from './preconditions.ts'

export async function put(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, headers, reply, signal, bytesAnnounced } = asked
  if ('content-range' in headers)
    throw new AppError('BAD_REQUEST', { path: 'Content-Range', reason: 'is not supported' })
  const before = await findForWriting(name, parts, signal)
  if (before?.kind === 'folder' || asked.isFolderUrl)
    throw new DavRefusal(405, `'${name}' is a folder.`)
  await checkParent(name, parts, signal)
  await checkPut(asked, before, parts)
  const modifiedMs = modifiedMsOf(asked)
  const bytes = checkedAtEnd(asked, parts)
  const replace = before !== undefined
  await parts.store({ name, bytes, bytesAnnounced, modifiedMs, replace }, signal)
  if (before === undefined) parts.properties.remove(name)
  const after = await findForWriting(name, parts, signal)
  if (after?.etag !== undefined) reply.header('etag', after.etag)
  if (modifiedMs !== undefined) reply.header('x-oc-mtime', 'accepted')
  return await reply.code(before === undefined ? 201 : 204).send()
}

/** @throws DavRefusal 412, 423 */
async function checkPut(
  asked: DavRequest,
  before: Resource | undefined,
  parts: DavParts,
): Promise<void> {
  await checkConditions(asked, before, parts)
  const { name } = asked
  checkLocks({ name, isDeep: false, isMembership: before === undefined }, asked, parts)
}

/** The body. Conditions and locks may have changed while it was received: its end is an error then. */
async function* checkedAtEnd(asked: DavRequest, parts: DavParts): AsyncGenerator<Uint8Array> {
  yield* asked.bytes
  await checkPut(asked, await findForWriting(asked.name, parts, asked.signal), parts)
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
  await checkOwn(resource, parts, signal)
  checkLocks({ name, isDeep: true, isMembership: true }, asked, parts)
  await parts.tree.remove(name)
  parts.locks.removeAll(name)
  parts.properties.remove(name)
  return await reply.code(204).send()
}
