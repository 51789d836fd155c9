import { isWildcard } from '../common/hosts.ts'
import { outsideAddresses } from '../common/outside-addresses.ts'
import type { PeerSettings } from './settings.ts'

/** Where other members reach this peer, if no setting says it: an address of this machine. */
export function reachedHost({
  advertiseHost,
  host,
}: Pick<PeerSettings, 'advertiseHost' | 'host'>): string {
  if (advertiseHost !== undefined) return advertiseHost
  if (!isWildcard(host)) return host
  return outsideAddresses()[0] ?? '127.0.0.1'
}
