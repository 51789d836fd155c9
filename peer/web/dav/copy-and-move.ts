/** COPY and MOVE. */
import { AppError, hasCode } from '../../../common/errors.ts'
import { randomId } from '../../../common/random.ts'
import type { DavParts } from './dav-parts.ts'
import { DavRefusal } from './dav-refusal.ts'
import { type DavRequest, depthOf, destinationOf, overwrites, refuseBody } from './dav-request.ts'
import type { Resource } from './drive.ts'
import { checkConditions, checkLocks, checkOwn, checkParent, existing } from './preconditions.ts'
import type { MoveRequest } from './shared-files.ts'

export async function copyOrMove(
  asked: DavRequest,
  parts: DavParts,
  { moves }: { readonly moves: boolean },
): Promise<unknown> {
  const { name, reply, signal } = asked
  await refuseBody(asked)
  const to = destinationOf(asked)
  const depth = depthOf(asked)
  if (depth === '1' || (moves && depth === '0'))
    throw new AppError('BAD_REQUEST', { path: 'Depth', reason: 'is not possible here' })
  const source = await existing(name, parts, signal)
  checkApart(name, to)
  const target = await parts.drive.find(to, signal)
  await checkParent(to, parts, signal)
  await checkConditions(asked, source, parts)
  const checkBoth = (): void => {
    if (moves) checkLocks({ name, isDeep: true, isMembership: true }, asked, parts)
    checkLocks({ name: to, isDeep: true, isMembership: target === undefined }, asked, parts)
  }
  checkBoth()
  if (target !== undefined && !overwrites(asked)) throw new DavRefusal(412, `'${to}' exists.`)
  if (moves) await checkOwn(source, parts, signal)
  const inTheWay = target?.kind === 'file' && source.kind === 'file' ? undefined : target
  if (inTheWay !== undefined) await checkOwn(inTheWay, parts, signal)
  // Another client may have locked one of the two meanwhile.
  checkBoth()
  const replace = target !== undefined && inTheWay === undefined
  if (moves) await move({ from: name, to, replace }, inTheWay, parts)
  else {
    const options = { isDeep: depth === 'infinity', replace, signal }
    if (inTheWay === undefined) await copy(source, to, options, parts)
    else await copyInsteadOf(inTheWay, source, options, parts)
  }
  if (moves) parts.locks.removeAll(name)
  parts.properties.copy(name, to, { moves })
  return await reply.code(target === undefined ? 201 : 204).send()
}

/** @throws DavRefusal 403 */
function checkApart(from: string, to: string): void {
  if (from === '' || to === '') throw new DavRefusal(403, 'The top folder stays.')
  if (from === to) throw new DavRefusal(403, 'Source and destination are the same.')
  if (`${to}/`.startsWith(`${from}/`) || `${from}/`.startsWith(`${to}/`))
    throw new DavRefusal(403, 'One of the two contains the other.')
}

/** A file replaces a file in one step; all else is removed first, and goes to the trash. */
async function makeRoom(target: Resource, parts: DavParts): Promise<void> {
  await parts.tree.remove(target.name)
  parts.locks.removeAll(target.name)
}

/** What can fail without the index comes before anything is removed. */
async function move(
  request: MoveRequest,
  inTheWay: Resource | undefined,
  parts: DavParts,
): Promise<void> {
  await parts.tree.reshare(request)
  if (inTheWay !== undefined) await makeRoom(inTheWay, parts)
  await parts.tree.move(request)
}

/** Makes the whole copy beside the target, which is removed only then. */
async function copyInsteadOf(
  target: Resource,
  source: Resource,
  options: CopyOptions,
  parts: DavParts,
): Promise<void> {
  const { tree, random } = parts
  const to = target.name
  const beside = `${to.slice(0, to.lastIndexOf('/') + 1)}copy-${randomId(random)}`
  try {
    await copy(source, beside, { ...options, replace: false }, parts)
    await move({ from: beside, to, replace: false }, target, parts)
  } catch (error) {
    await tree.remove(beside).catch(() => {})
    throw error
  }
}

interface CopyOptions {
  readonly isDeep: boolean
  /** Whether files may be replaced. */
  readonly replace: boolean
  readonly signal: AbortSignal
}

async function copy(
  source: Resource,
  to: string,
  options: CopyOptions,
  parts: DavParts,
): Promise<void> {
  const { name, kind, isOwn, isDamaged = false, sha256 } = source
  const { isDeep, replace, signal } = options
  signal.throwIfAborted()
  if (kind === 'file') {
    if (isOwn && !isDamaged && (await isCopied({ from: name, to, replace }, parts))) return
    return await parts.fetchCopy({ from: name, sha256: sha256 ?? '', to, replace }, signal)
  }
  await parts.tree.makeFolder(to)
  if (!isDeep) return
  for await (const page of parts.drive.list(name, signal))
    for (const child of page) await copy(child, to + child.name.slice(name.length), options, parts)
}

/** @returns false if the file turns out to be damaged: its bytes are those of other peers */
async function isCopied(request: MoveRequest, { tree }: Pick<DavParts, 'tree'>): Promise<boolean> {
  try {
    await tree.copy(request)
    return true
  } catch (error) {
    if (hasCode(error, 'CONTENT_CHANGED')) return false
    throw error
  }
}
