import { isLoopback } from '../common/hosts.ts'
import type { HttpAddress, RequestOf } from '../common/protocol/messages.ts'

type Registration = NonNullable<RequestOf<'hello'>['registration']>

/**
 * Where others reach the HTTP server of a peer that is reached at `host`; undefined if they cannot.
 */
export function httpAddressOf(http: Registration['http'], host: string): HttpAddress | undefined {
  if (http === undefined) return undefined
  // On all addresses: on this one, too.
  if (http.host === undefined) return { ...http, host }
  return isLoopback(http.host) && !isLoopback(host) ? undefined : { ...http, host: http.host }
}
