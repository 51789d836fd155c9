/** What must hold before a method changes anything: conditions of the client, locks, parents, owners. */
import { AppError, hasCode } from '../../../common/errors.ts'
import type { DavParts } from './dav-parts.ts'
import { hrefOf, nameOfUrl } from './dav-path.ts'
import { DavRefusal } from './dav-refusal.ts'
import type { DavRequest } from './dav-request.ts'
import type { Resource } from './drive.ts'
import { holds, type ResourceState } from './if-header.ts'

/** Files of other peers that a refusal names. */
const othersNamedMax = 5

/** @throws AppError NAME_NOT_FOUND; as {@link Drive.find} */
export async function existing(
  name: string,
  { drive }: Pick<DavParts, 'drive'>,
  signal: AbortSignal,
): Promise<Resource> {
  const resource = await drive.find(name, signal)
  if (resource === undefined) throw new AppError('NAME_NOT_FOUND', { name })
  return resource
}

/** As {@link Drive.find}; without an index, only what is on this peer. */
export async function findForWriting(
  name: string,
  { drive }: Pick<DavParts, 'drive'>,
  signal: AbortSignal,
): Promise<Resource | undefined> {
  try {
    return await drive.find(name, signal)
  } catch (error) {
    if (!hasCode(error, 'INDEX_UNREACHABLE')) throw error
    return undefined
  }
}

/** @throws DavRefusal 409 if the folder of a name does not exist */
export async function checkParent(
  name: string,
  parts: Pick<DavParts, 'drive'>,
  signal: AbortSignal,
): Promise<void> {
  const folder = name.slice(0, Math.max(0, name.lastIndexOf('/')))
  const found = await findForWriting(folder, parts, signal)
  if (found?.kind === 'folder') return
  const is = found === undefined ? 'does not exist' : 'is a file'
  throw new DavRefusal(409, `'${folder}' ${is}: create the folder first.`)
}

/**
 * Checks If, If-Match and If-None-Match against the resource of the request.
 * @throws DavRefusal 412
 */
export async function checkConditions(
  { conditions, headers, name, signal }: DavRequest,
  resource: Resource | undefined,
  parts: Pick<DavParts, 'drive' | 'locks'>,
): Promise<void> {
  const etag = resource?.etag
  const ifMatch = headers['if-match']
  const ifNoneMatch = headers['if-none-match']
  if (ifMatch !== undefined && !matches(ifMatch, resource !== undefined, etag))
    throw new DavRefusal(412, 'If-Match does not hold.')
  if (ifNoneMatch !== undefined && matches(ifNoneMatch, resource !== undefined, etag))
    throw new DavRefusal(412, 'If-None-Match does not hold.')
  if (conditions.length === 0) return
  const stateOf = async (url: string | undefined): Promise<ResourceState> => {
    if (url === undefined) return { etag, tokens: tokensOn(name) }
    const other = namedBy(url, headers.host)
    if (other === undefined) return { etag: undefined, tokens: new Set() }
    const found = other === name ? resource : await findForWriting(other, parts, signal)
    return { etag: found?.etag, tokens: tokensOn(other) }
  }
  const tokensOn = (of: string): Set<string> =>
    new Set(parts.locks.on(of).map(({ token }) => token))
  if (!(await holds(conditions, stateOf)))
    throw new DavRefusal(412, 'The conditions of the If header do not hold.')
}

/** Whether a list of entity tags, or `*`, matches. */
function matches(list: string, exists: boolean, etag: string | undefined): boolean {
  if (list.trim() === '*') return exists
  return etag !== undefined && list.split(',').some((one) => one.trim() === etag)
}

function namedBy(url: string, host: string | undefined): string | undefined {
  try {
    return nameOfUrl(url, host)
  } catch {
    return undefined
  }
}

/** See {@link LockTable.against}. @throws DavRefusal 423 */
export function checkLocks(
  change: { readonly name: string; readonly isDeep: boolean; readonly isMembership: boolean },
  { tokens }: Pick<DavRequest, 'tokens'>,
  { locks }: Pick<DavParts, 'locks'>,
): void {
  const against = locks.against(change, tokens)
  if (against.length === 0) return
  throw new DavRefusal(423, 'It is locked.', {
    precondition: 'lock-token-submitted',
    hrefs: [...new Set(against.map(({ name }) => hrefOf(name, false)))],
  })
}

/**
 * Only what this peer shares can be moved or removed.
 * @throws DavRefusal 403
 */
export async function checkOwn(
  { name, kind, isOwn }: Resource,
  { drive }: Pick<DavParts, 'drive'>,
  signal: AbortSignal,
): Promise<void> {
  if (name === '') throw new DavRefusal(403, 'The top folder stays.')
  if (!isOwn)
    throw new DavRefusal(403, `'${name}' belongs to another peer: only that one can change it.`)
  if (kind === 'file') return
  const others = await drive.othersBelow(name, othersNamedMax, signal).catch((error: unknown) => {
    if (hasCode(error, 'INDEX_UNREACHABLE')) return []
    throw error
  })
  if (others.length === 0) return
  const named = others.map((other) => `'${other}'`).join(', ')
  throw new DavRefusal(403, `Other peers have files in '${name}': ${named}. Nothing was changed.`)
}
