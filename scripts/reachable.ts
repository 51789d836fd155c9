import { isWildcard } from '../common/hosts.ts'

/** The host at which a local process reaches one that listens on `host`. */
export function reachable(host: string): string {
  return isWildcard(host) ? '127.0.0.1' : host
}
