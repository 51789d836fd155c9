/** Where else a content can be read over HTTP. Pure. */
import { isIP } from 'node:net'
import { isLoopback, normalHost } from '../../../common/hosts.ts'
import { httpUrl } from '../../../common/http-url.ts'
import type { FoundSource } from '../../../common/protocol/messages.ts'

export interface MirrorContext {
  readonly peerId: string
  readonly zone: string | undefined
  /** The other end of the client's connection. */
  readonly clientAddress: string
}

/**
 * The peers at which a client can read a content with what it has, best first: those in the zone of this
 * peer before others, otherwise in the order of the index, which knows their health. Never this peer, a
 * suspect one, one that has a part only, or one whose token the client would need.
 */
export function mirrorsOf(
  sources: readonly FoundSource[],
  { peerId, zone, clientAddress }: MirrorContext,
): string[] {
  const isLocal = isLoopback(clientAddress)
  const usable = sources.filter(
    ({ http, kind, isSuspect, ...source }) =>
      source.peerId !== peerId &&
      kind !== 'partial' &&
      isSuspect !== true &&
      http !== undefined &&
      http.needsToken !== true &&
      (isLocal || !isLoopback(http.host)),
  )
  const isNear = (source: FoundSource): boolean => zone !== undefined && source.zone === zone
  return usable
    .toSorted((a, b) => Number(isNear(b)) - Number(isNear(a)))
    .flatMap(({ http }) => (http === undefined ? [] : [httpUrl(http)]))
}

/** What a request says of where it was sent. */
export interface Reached {
  readonly protocol: 'http' | 'https'
  /** The Host header. */
  readonly host: string | undefined
  readonly localPort: number | undefined
}

/**
 * Where a client reached this peer. wget2 1.99 omits the port from Host: where that is an address, which
 * no proxy of port 80 has as its name, the port is that of the connection.
 */
export function originOf({ protocol, host = '', localPort }: Reached): string {
  const isBareAddress = isIP(normalHost(host)) !== 0 || host === 'localhost'
  const port = isBareAddress && localPort !== undefined ? `:${localPort}` : ''
  return `${protocol}://${host}${port}`
}

/** The path of a name in a URL. */
export function pathOf(name: string): string {
  return name.split('/').map(encodeSegment).join('/')
}

/** Encodes what shells and Link headers would misread, too. */
function encodeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /['()*!]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** The URL path of a content under a name. */
export function filePath({ sha256, name }: { sha256: string; name: string }): string {
  return `/files/${sha256}/${pathOf(name)}`
}

export function baseName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
