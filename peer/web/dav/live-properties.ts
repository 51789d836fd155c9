/** The properties that the server computes, as XML. Pure. */

import { escapeXml } from '../escape-xml.ts'
import { hrefOf } from './dav-path.ts'
import { davNamespace, type QualifiedName } from './dav-xml.ts'
import type { Resource } from './drive.ts'
import type { Lock } from './lock-table.ts'

/** What the properties of a resource are computed from. */
export interface PropertyFacts {
  readonly resource: Resource
  readonly locks: readonly Lock[]
  readonly nowMs: number
  /** Of the disk that new files are stored on; undefined if unknown. */
  readonly room: { readonly usedBytes: number; readonly freeBytes: number } | undefined
}

type Compute = (facts: PropertyFacts) => string | undefined

const supportedLock = ['exclusive', 'shared']
  .map(
    (scope) =>
      `<D:lockentry><D:lockscope><D:${scope}/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockentry>`,
  )
  .join('')

const ofFile =
  (compute: (resource: Resource) => string): Compute =>
  ({ resource }) =>
    resource.kind === 'file' ? compute(resource) : undefined

/** By local name, in the namespace DAV:; the inner XML, or undefined if the resource has none. */
const properties: Readonly<Record<string, Compute>> = {
  resourcetype: ({ resource }) => (resource.kind === 'folder' ? '<D:collection/>' : ''),
  displayname: ({ resource: { name } }) =>
    escapeXml(name === '' ? 'Tandem' : name.slice(name.lastIndexOf('/') + 1)),
  creationdate: ({ resource }) => timeOf(resource)?.toISOString().replace(/\.\d+/, ''),
  getlastmodified: ({ resource }) => timeOf(resource)?.toUTCString(),
  getcontentlength: ofFile(({ size }) => String(size)),
  getcontenttype: ofFile(() => 'application/octet-stream'),
  getetag: ofFile(({ etag }) => escapeXml(etag ?? '')),
  supportedlock: () => supportedLock,
  lockdiscovery: ({ locks, nowMs }) => locks.map((lock) => activeLock(lock, nowMs)).join(''),
}

/** Only on request: RFC 4331 leaves them out of `allprop`. */
const quotas: Readonly<Record<string, Compute>> = {
  'quota-available-bytes': ({ resource, room }) =>
    resource.kind === 'folder' && room !== undefined ? String(room.freeBytes) : undefined,
  'quota-used-bytes': ({ resource, room }) =>
    resource.kind === 'folder' && room !== undefined ? String(room.usedBytes) : undefined,
}

/** Names that clients may not change. */
export function isLive({ namespace, name }: QualifiedName): boolean {
  return (
    namespace === davNamespace && (Object.hasOwn(properties, name) || Object.hasOwn(quotas, name))
  )
}

/** Names of those that `allprop` returns. */
export function livePropertiesOf(facts: PropertyFacts): string[] {
  return Object.keys(properties).filter((name) => livePropertyOf(facts, name) !== undefined)
}

/** The inner XML; undefined if the resource has no such property. */
export function livePropertyOf(facts: PropertyFacts, name: string): string | undefined {
  if (Object.hasOwn(properties, name)) return properties[name]?.(facts)
  return Object.hasOwn(quotas, name) ? quotas[name]?.(facts) : undefined
}

export function activeLock(lock: Lock, nowMs: number): string {
  const seconds = Math.max(1, Math.ceil((lock.expiresMs - nowMs) / 1_000))
  return [
    '<D:activelock><D:locktype><D:write/></D:locktype>',
    `<D:lockscope><D:${lock.isShared ? 'shared' : 'exclusive'}/></D:lockscope>`,
    `<D:depth>${lock.isDeep ? 'infinity' : '0'}</D:depth>`,
    lock.owner,
    `<D:timeout>Second-${seconds}</D:timeout>`,
    `<D:locktoken><D:href>${escapeXml(lock.token)}</D:href></D:locktoken>`,
    `<D:lockroot><D:href>${escapeXml(hrefOf(lock.name, false))}</D:href></D:lockroot>`,
    '</D:activelock>',
  ].join('')
}

function timeOf({ modifiedMs }: Resource): Date | undefined {
  return modifiedMs === undefined ? undefined : new Date(modifiedMs)
}
