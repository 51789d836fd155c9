import { hostname } from 'node:os'
import { join } from 'node:path'
import { isLoopback, isWildcard } from '../hosts.ts'
import { limits } from '../limits.ts'
import { outsideAddresses } from '../outside-addresses.ts'

/** The folder of an identity in the index's data folder, or in the peer's own folder, `.tandem`. */
export function clusterFolder(folder: string): string {
  return join(folder, 'cluster')
}

/** Under what name others reach a process that listens on `host`. */
export function reachedAs({
  host,
  advertiseHost,
}: {
  readonly host: string
  readonly advertiseHost?: string | undefined
}): string {
  return advertiseHost ?? (isWildcard(host) ? hostname() : host)
}

/** The names that a process asks to have certified. */
export function namesOf({
  httpHost,
  allowedHosts,
  ...listening
}: {
  readonly host: string
  readonly advertiseHost?: string | undefined
  readonly httpHost: string
  /** Further names under which its HTTP server may be called. */
  readonly allowedHosts: readonly string[]
}): string[] {
  const named = [reachedAs(listening), httpHost, hostname(), ...allowedHosts]
  const addresses = [listening.host, httpHost].some(isWildcard) ? outsideAddresses() : []
  return [...new Set([...named, ...addresses])]
    .filter((name) => !isLoopback(name) && !isWildcard(name))
    .slice(0, limits.certificateNamesMax)
}
