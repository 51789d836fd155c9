/** The bodies of 207 responses. Pure. */

import { AppError } from '../../../common/errors.ts'
import { escapeXml } from '../escape-xml.ts'
import { hrefOf } from './dav-path.ts'
import { xmlHead } from './dav-refusal.ts'
import {
  childElements,
  davChild,
  davNamespace,
  emptyElement,
  isDav,
  type QualifiedName,
  type XmlElement,
} from './dav-xml.ts'
import type { DeadProperty } from './dead-properties.ts'
import { livePropertiesOf, livePropertyOf, type PropertyFacts } from './live-properties.ts'

/** What a PROPFIND asks for. */
export type PropertyQuery =
  | { readonly kind: 'names' }
  | { readonly kind: 'all'; readonly also: readonly QualifiedName[] }
  | { readonly kind: 'some'; readonly names: readonly QualifiedName[] }

/** Each is repeated for every resource. Clients name some thirty. */
const namesMax = 100
/** Characters of a body that are sent at once. */
const pieceCharacters = 64 * 1_024

/**
 * @param body undefined stands for all properties
 * @throws AppError BAD_REQUEST if it names too many
 */
export function queryOf(body: XmlElement | undefined): PropertyQuery | undefined {
  if (body === undefined) return { kind: 'all', also: [] }
  if (!isDav(body, 'propfind')) return undefined
  if (davChild(body, 'propname') !== undefined) return { kind: 'names' }
  const prop = davChild(body, 'prop')
  if (prop !== undefined) return { kind: 'some', names: namesIn(prop) }
  const include = davChild(body, 'include')
  if (davChild(body, 'allprop') === undefined) return undefined
  return { kind: 'all', also: include === undefined ? [] : namesIn(include) }
}

/** Each once. */
function namesIn(element: XmlElement): QualifiedName[] {
  const names = new Map<string, QualifiedName>()
  for (const { namespace, name } of childElements(element))
    names.set(`${name} ${namespace}`, { namespace, name })
  if (names.size > namesMax)
    throw new AppError('BAD_REQUEST', {
      path: 'body',
      reason: `names more than ${namesMax} properties`,
    })
  return [...names.values()]
}

/** Joins short texts, so that a folder is neither sent line by line nor held as a whole. */
export async function* inPieces(texts: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = ''
  for await (const text of texts) {
    piece += text
    if (piece.length < pieceCharacters) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

export const multistatusStart = `${xmlHead}<D:multistatus xmlns:D="DAV:">`
export const multistatusEnd = '</D:multistatus>'

/** The `response` of one resource to a PROPFIND. */
export function propertiesOf(
  query: PropertyQuery,
  facts: PropertyFacts,
  dead: readonly DeadProperty[],
): string {
  const { name, kind } = facts.resource
  const live = livePropertiesOf(facts)
  if (query.kind === 'names') {
    const names = [...live.map((one) => ({ namespace: davNamespace, name: one })), ...dead]
    return responseOf(name, kind === 'folder', [{ status: 200, props: names.map(emptyElement) }])
  }
  const found: string[] = []
  const missing: string[] = []
  const add = (wanted: QualifiedName): void => {
    const xml = valueOf(wanted, facts, dead)
    if (xml === undefined) missing.push(emptyElement(wanted))
    else found.push(xml)
  }
  if (query.kind === 'all') {
    for (const one of live) add({ namespace: davNamespace, name: one })
    for (const { xml } of dead) found.push(xml)
  }
  for (const wanted of query.kind === 'all' ? query.also : query.names) add(wanted)
  return responseOf(name, kind === 'folder', [
    ...(found.length > 0 || missing.length === 0 ? [{ status: 200, props: found }] : []),
    ...(missing.length > 0 ? [{ status: 404, props: missing }] : []),
  ])
}

function valueOf(
  { namespace, name }: QualifiedName,
  facts: PropertyFacts,
  dead: readonly DeadProperty[],
): string | undefined {
  const stored = dead.find((one) => one.namespace === namespace && one.name === name)
  if (stored !== undefined) return stored.xml
  if (namespace !== davNamespace) return undefined
  const inner = livePropertyOf(facts, name)
  return inner === undefined ? undefined : `<D:${name}>${inner}</D:${name}>`
}

interface PropertyStatus {
  readonly status: number
  /** Elements. */
  readonly props: readonly string[]
  /** Why, as an element. */
  readonly error?: string
}

/** Properties of a resource by the status of each. */
export function responseOf(
  name: string,
  isFolder: boolean,
  statuses: readonly PropertyStatus[],
): string {
  const parts = statuses.map(({ status, props, error }) =>
    [
      `<D:propstat><D:prop>${props.join('')}</D:prop>`,
      `<D:status>${statusLine(status)}</D:status>`,
      error === undefined ? '' : `<D:error>${error}</D:error>`,
      '</D:propstat>',
    ].join(''),
  )
  return `<D:response><D:href>${escapeXml(hrefOf(name, isFolder))}</D:href>${parts.join('')}</D:response>`
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${reasonPhrases[status] ?? ''}`
}

const { STATUS_CODES: reasonPhrases } = process.getBuiltinModule('node:http')
