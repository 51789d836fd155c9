import type { Connection } from '../common/protocol/connection.ts'
import { hostKeyOf } from '../common/protocol/host-share.ts'

/**
 * What counts as one accuser: the member, where identities are proven; otherwise the host, which may run any
 * number of peers.
 */
export function accuserOf({ proven, remote }: Pick<Connection, 'proven' | 'remote'>): string {
  return proven === undefined ? hostKeyOf(remote.host) : proven.id
}
