/** What a request shows to be let in. Pure. */

export type Credential =
  | { readonly kind: 'token'; readonly token: string }
  /** The cookie of a browser that has shown the token before. */
  | { readonly kind: 'session'; readonly id: string }

export interface CredentialHeaders {
  readonly authorization?: string | undefined
  readonly cookie?: string | undefined
}

/** `Bearer TOKEN`, or `Basic` with any user and the token as password, or else the cookie. */
export function credentialOf(
  { authorization, cookie }: CredentialHeaders,
  cookieName: string,
): Credential | undefined {
  if (authorization !== undefined) {
    const token = tokenIn(authorization)
    if (token !== undefined) return { kind: 'token', token }
  }
  const id = cookieIn(cookie, cookieName)
  return id === undefined ? undefined : { kind: 'session', id }
}

function tokenIn(authorization: string): string | undefined {
  const [, scheme = '', value = ''] = /^(\w+) +(\S+)\s*$/.exec(authorization) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return value
    case 'basic': {
      const pair = Buffer.from(value, 'base64').toString()
      const colon = pair.indexOf(':')
      return colon === -1 ? undefined : pair.slice(colon + 1)
    }
    default:
      return undefined
  }
}

function cookieIn(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const [key, value] = pair.split('=', 2)
    if (key?.trim() === name && value !== undefined && value.trim() !== '') return value.trim()
  }
  return undefined
}

/**
 * The value of WWW-Authenticate. Not `Basic` for the API: a browser would show its own dialog where the
 * page has one.
 */
export function challengeFor(url: string, peerId: string): string {
  const realm = `realm="tandem ${peerId}"`
  const bearer = `Bearer ${realm}`
  return url.startsWith('/api/') ? bearer : `Basic ${realm}, charset="UTF-8", ${bearer}`
}
