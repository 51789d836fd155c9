import { hostname } from 'node:os'
import { join } from 'node:path'
import { isLoopback, isWildcard } from '../hosts.ts'

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
export function namesOf(listening: {
  readonly host: string
  readonly advertiseHost?: string | undefined
}): string[] {
  const names = [reachedAs(listening), hostname()]
  return [...new Set(names)].filter((name) => !isLoopback(name))
}
