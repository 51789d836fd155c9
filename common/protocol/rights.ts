import type { ClusterRole } from '../identity/cluster-role.ts'

/** Who may send a message in a secured cluster, by its purpose. */
export const rights = {
  /** Opens a connection. */
  greeting: ['index', 'admin', 'peer', 'reader', 'joiner'],
  /** Asks for a certificate. */
  joining: ['joiner', 'admin', 'peer', 'reader'],
  /** Looks up, and downloads. */
  reading: ['index', 'admin', 'peer', 'reader'],
  /** Concerns every member. */
  members: ['index', 'admin', 'peer', 'reader'],
  /** Shares, and keeps copies. */
  sharing: ['admin', 'peer'],
  /** Gives tasks to a peer: its index, or a member of its mesh. */
  coordination: ['index', 'admin', 'peer'],
  /** The index's own requests. */
  index: ['index'],
  /** Changes the cluster, and what belongs to others. */
  administration: ['admin'],
} as const satisfies Record<string, readonly ClusterRole[]>

/** Who is meant, in sentences about missing rights. */
export function neededFor(by: readonly ClusterRole[]): string {
  if (by.includes('peer')) return 'a peer'
  const admin = 'an admin, which is a peer that joined with a token of that role'
  return by.includes('admin') ? admin : 'the index'
}
