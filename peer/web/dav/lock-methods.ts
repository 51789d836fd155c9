/** LOCK and UNLOCK. */
import { AppError } from '../../../common/errors.ts'
import { hostKeyOf } from '../../../common/protocol/host-share.ts'
import type { DavParts } from './dav-parts.ts'
import { hrefOf } from './dav-path.ts'
import { DavRefusal, xmlHead, xmlType } from './dav-refusal.ts'
import { type DavRequest, depthOf, xmlBodyOf } from './dav-request.ts'
import { davChild, isDav, type XmlElement, xmlOf } from './dav-xml.ts'
import { activeLock } from './live-properties.ts'
import { type Lock, type LockRequest, timeoutSecondsOf } from './lock-table.ts'
import { checkConditions, checkLocks, checkParent } from './preconditions.ts'

/** A longer description of the owner is left out. */
const ownerCharactersMax = 2_048
/** For clients that name no time. */
const usualLockSeconds = 600

export async function lock(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const body = await xmlBodyOf(asked)
  if (body === undefined) return await refresh(asked, parts)
  const { name, reply, signal } = asked
  const request = lockRequestOf(asked, body)
  // Without the index the name may be that of another peer's file, which an empty one would hide.
  const before = await parts.drive.find(name, signal)
  if (before === undefined) await checkParent(name, parts, signal)
  await checkConditions(asked, before, parts)
  if (before === undefined) checkLocks({ name, isDeep: false, isMembership: true }, asked, parts)
  const added = parts.locks.add(request)
  if (added === 'full') throw new AppError('BUSY')
  if (isConflict(added)) {
    const hrefs = added.map((other) => hrefOf(other.name, false))
    throw new DavRefusal(423, 'It is locked.', { precondition: 'no-conflicting-lock', hrefs })
  }
  if (before === undefined)
    try {
      await parts.store({ name, bytes: noBytes(), bytesAnnounced: 0, replace: false }, signal)
    } catch (error) {
      parts.locks.remove(name, added.token)
      throw error
    }
  reply.header('lock-token', `<${added.token}>`).code(before === undefined ? 201 : 200)
  return await sendLock(added, asked, parts)
}

async function refresh(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, tokens, headers } = asked
  const timeoutSeconds = timeoutSecondsOf(headers['timeout']?.toString())
  for (const token of tokens) {
    const refreshed = parts.locks.refresh(name, token, timeoutSeconds)
    if (refreshed !== undefined) return await sendLock(refreshed, asked, parts)
  }
  if (tokens.size > 0) throw new DavRefusal(412, 'There is no such lock.')
  throw new AppError('BAD_REQUEST', { path: 'body', reason: 'is missing' })
}

export async function unlock(asked: DavRequest, { locks }: DavParts): Promise<unknown> {
  const { name, headers, reply } = asked
  const token = /^\s*<([^<>]+)>\s*$/.exec(headers['lock-token']?.toString() ?? '')?.[1]
  if (token === undefined)
    throw new AppError('BAD_REQUEST', { path: 'Lock-Token', reason: 'is missing' })
  if (!locks.remove(name, token))
    throw new DavRefusal(409, 'There is no such lock.', {
      precondition: 'lock-token-matches-request-uri',
    })
  return await reply.code(204).send()
}

function lockRequestOf(asked: DavRequest, body: XmlElement): LockRequest {
  const scope = davChild(body, 'lockscope')
  const type = davChild(body, 'locktype')
  const isShared = scope !== undefined && davChild(scope, 'shared') !== undefined
  const isExclusive = scope !== undefined && davChild(scope, 'exclusive') !== undefined
  const isWrite = type !== undefined && davChild(type, 'write') !== undefined
  if (!isDav(body, 'lockinfo') || isShared === isExclusive || !isWrite)
    throw new AppError('BAD_REQUEST', { path: 'body', reason: 'does not ask for a write lock' })
  const depth = depthOf(asked)
  if (depth === '1')
    throw new AppError('BAD_REQUEST', { path: 'Depth', reason: 'must be 0 or infinity' })
  const owner = davChild(body, 'owner')
  const ownerXml = owner === undefined ? '' : xmlOf(owner)
  return {
    name: asked.name,
    host: hostKeyOf(asked.request.ip),
    isDeep: depth === 'infinity',
    isShared,
    owner: ownerXml.length > ownerCharactersMax ? '' : ownerXml,
    timeoutSeconds: timeoutSecondsOf(asked.headers['timeout']?.toString()) ?? usualLockSeconds,
  }
}

async function sendLock(held: Lock, { reply }: DavRequest, { clock }: DavParts): Promise<unknown> {
  const active = activeLock(held, clock.monotonicMs())
  reply.type(xmlType)
  return await reply.send(
    `${xmlHead}<D:prop xmlns:D="DAV:"><D:lockdiscovery>${active}</D:lockdiscovery></D:prop>`,
  )
}

function isConflict(added: Lock | readonly Lock[]): added is readonly Lock[] {
  return Array.isArray(added)
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
