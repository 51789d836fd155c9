/** PROPFIND and PROPPATCH. */
import { Readable } from 'node:stream'
import { AppError } from '../../../common/errors.ts'
import type { DavParts } from './dav-parts.ts'
import { DavRefusal, xmlType } from './dav-refusal.ts'
import { type DavRequest, depthOf, xmlBodyOf } from './dav-request.ts'
import { childElements, davChild, emptyElement, isDav, type XmlElement, xmlOf } from './dav-xml.ts'
import { type PropertyChange, propertyCharactersMax } from './dead-properties.ts'
import type { Resource } from './drive.ts'
import { isLive, type PropertyFacts } from './live-properties.ts'
import {
  inPieces,
  multistatusEnd,
  multistatusStart,
  type PropertyQuery,
  propertiesOf,
  queryOf,
  responseOf,
} from './multistatus.ts'
import { checkConditions, checkLocks, existing } from './preconditions.ts'

export async function findProperties(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const depth = depthOf(asked)
  const query = queryOf(await xmlBodyOf(asked))
  if (query === undefined)
    throw new AppError('BAD_REQUEST', { path: 'body', reason: 'is not a propfind' })
  if (depth === 'infinity')
    throw new DavRefusal(403, 'Ask for one folder at a time: Depth 0 or 1.', {
      precondition: 'propfind-finite-depth',
    })
  const resource = await existing(asked.name, parts, asked.signal)
  const pieces = inPieces(textsOf(asked, { resource, query, isDeep: depth === '1' }, parts))
  // A failure of the first piece still has its own status.
  const first = await pieces.next()
  const all = async function* (): AsyncGenerator<string> {
    if (first.done !== true) yield first.value
    yield* pieces
  }
  // Bounded by its bytes: as a stream of objects it would make 16 pieces in advance.
  const body = Readable.from(all(), { objectMode: false })
  return await asked.reply.code(207).type(xmlType).send(body)
}

/** The first has a response of the listing, so that a listing that fails begins no body. */
async function* textsOf(
  { signal }: DavRequest,
  of: { readonly resource: Resource; readonly query: PropertyQuery; readonly isDeep: boolean },
  parts: DavParts,
): AsyncGenerator<string> {
  const { resource, query, isDeep } = of
  const { clock, drive, locks, properties } = parts
  const room = asksForRoom(query) ? await parts.tree.room() : undefined
  const xml = (one: Resource): string => {
    const nowMs = clock.monotonicMs()
    const facts: PropertyFacts = { resource: one, locks: locks.on(one.name), nowMs, room }
    return propertiesOf(query, facts, properties.of(one.name))
  }
  let start = multistatusStart + xml(resource)
  if (isDeep && resource.kind === 'folder')
    for await (const page of drive.list(resource.name, signal))
      for (const one of page) {
        yield start + xml(one)
        start = ''
      }
  yield start + multistatusEnd
}

function asksForRoom(query: PropertyQuery): boolean {
  if (query.kind === 'names') return false
  const named = query.kind === 'all' ? query.also : query.names
  return named.some(({ name }) => name.startsWith('quota-'))
}

export async function changeProperties(asked: DavRequest, parts: DavParts): Promise<unknown> {
  const { name, reply, signal } = asked
  const body = await xmlBodyOf(asked)
  const changes = body === undefined ? undefined : changesOf(body)
  if (changes === undefined)
    throw new AppError('BAD_REQUEST', { path: 'body', reason: 'is not a propertyupdate' })
  const resource = await existing(name, parts, signal)
  await checkConditions(asked, resource, parts)
  checkLocks({ name, isDeep: false, isMembership: false }, asked, parts)
  if (!resource.isOwn || name === '')
    throw new DavRefusal(403, `Properties of '${name}' cannot be changed at this peer.`)
  const xml = multistatusStart + changed(resource, changes, parts) + multistatusEnd
  return await reply.code(207).type(xmlType).send(xml)
}

/** In the order of the document, which is the order in which they are made. */
function changesOf(body: XmlElement): PropertyChange[] | undefined {
  if (!isDav(body, 'propertyupdate')) return undefined
  return childElements(body).flatMap((part) => {
    const isSet = isDav(part, 'set')
    const prop = isSet || isDav(part, 'remove') ? davChild(part, 'prop') : undefined
    return childElements(prop ?? { ...part, children: [] }).map((property) => ({
      namespace: property.namespace,
      name: property.name,
      ...(isSet && { xml: xmlOf(property) }),
    }))
  })
}

/** Makes all changes or none; the response that says so. */
function changed(
  { name, kind }: Resource,
  changes: readonly PropertyChange[],
  { properties }: Pick<DavParts, 'properties'>,
): string {
  const isFolder = kind === 'folder'
  const isTooLong = ({ xml }: PropertyChange): boolean =>
    xml !== undefined && xml.length > propertyCharactersMax
  const isRefused = (change: PropertyChange): boolean => isLive(change) || isTooLong(change)
  const elements = (chosen: readonly PropertyChange[]): string[] => chosen.map(emptyElement)
  if (!changes.some(isRefused)) {
    const status = properties.change(name, changes) ? 200 : 507
    return responseOf(name, isFolder, [{ status, props: elements(changes) }])
  }
  const live = changes.filter(isLive)
  const long = changes.filter((change) => !isLive(change) && isTooLong(change))
  const others = changes.filter((change) => !isRefused(change))
  const error = '<D:cannot-modify-protected-property/>'
  return responseOf(name, isFolder, [
    ...(live.length > 0 ? [{ status: 403, props: elements(live), error }] : []),
    ...(long.length > 0 ? [{ status: 507, props: elements(long) }] : []),
    ...(others.length > 0 ? [{ status: 424, props: elements(others) }] : []),
  ])
}
