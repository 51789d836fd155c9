/** Who may change what belongs to a peer of a secured cluster. */
import type { ProvenIdentity } from './cluster-role.ts'

/**
 * Whether a process may change what belongs to `owner`: only the owner and admins may, where identities are
 * proven; where they are not, any process may.
 * @param owner undefined for what belongs to no single peer
 */
export function mayChange(proven: ProvenIdentity | undefined, owner: string | undefined): boolean {
  return mayChangeAll(proven) || (owner !== undefined && owner === proven?.id)
}

/** Whether a process may change what belongs to any peer, and to the whole cluster. */
export function mayChangeAll(proven: ProvenIdentity | undefined): boolean {
  return proven === undefined || proven.role === 'admin'
}

/**
 * The peer that a decision is about, as its record in the intent log names it; undefined if it is about
 * the whole cluster, or of an unknown kind.
 */
export function ownerOfDecision({
  kind,
  key,
}: {
  readonly kind: string
  readonly key: string
}): string | undefined {
  if (kind === 'drain' || kind === 'maintenance') return key
  // A peer id has no slash.
  if (kind === 'unshared' || kind === 'trash') return key.slice(0, Math.max(0, key.indexOf('/')))
  return undefined
}
