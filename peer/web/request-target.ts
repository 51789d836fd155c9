/** What a request is about, where HTTP allows several ways of saying it (RFC 9112, section 3.2). */
import type { IncomingMessage } from 'node:http'

type Target = Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'url'>

/**
 * The URL as a path. Proxies may send all of it: then its host counts, and replaces that of the header.
 * Two Host headers are none: a proxy may have trusted the other one.
 */
export function originForm({ url = '/', headers, rawHeaders }: Target): string {
  if (rawHeaders.filter((name, at) => at % 2 === 0 && isHost(name)).length > 1) headers.host = ''
  const [, authority, path = ''] = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url) ?? []
  if (authority === undefined) return url
  headers.host = authority
  return path.startsWith('/') ? path : `/${path}`
}

function isHost(name: string): boolean {
  return name.toLowerCase() === 'host'
}
