/** Where the page is: the part of the address behind `#`, so that the peer needs no routes for it. */

export interface Route {
  /** The view: `files`, `share`, … */
  readonly view: string
  /** What follows it: `photos/2026` in `#/files/photos/2026`. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
}

export function parseRoute(hash: string): Route {
  const [way = '', query = ''] = splitOnce(hash.replace(/^#?\/?/, ''), '?')
  const [view = '', path = ''] = splitOnce(way, '/')
  return {
    view: decoded(view),
    path: path.split('/').map(decoded).join('/'),
    query: Object.fromEntries(new URLSearchParams(query)),
  }
}

export function formatRoute({ view, path = '', query = {} }: Partial<Route>): string {
  const segments = [view ?? '', ...path.split('/').filter((segment) => segment !== '')]
  const given = Object.entries(query).filter(([, value]) => value !== '')
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given).toString()}`
  return `#/${segments.map(encodeURIComponent).join('/')}${search}`
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

/** A link that someone typed may have invalid escapes. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
