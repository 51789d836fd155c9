import type { PeerNotes } from '../common/protocol/messages.ts'
import type { PeerPlans } from './peer-plans.ts'
import type { Unproven } from './proofs/unproven.ts'
import type { Peer } from './registry.ts'
import type { DrainWatch } from './replication/drain-watch.ts'

/** What sets a peer apart from others; empty for most. */
export type NotesOf = (peer: Peer) => Omit<PeerNotes, 'peerId'>

export function notesFrom(dependencies: {
  readonly plans: Pick<PeerPlans, 'drainingForMs'>
  readonly drains: Pick<DrainWatch, 'progressOf'>
  readonly unproven: Pick<Unproven, 'countOf'>
}): NotesOf {
  return (peer) => {
    const { flapping, maintenance, isDistrusted } = peer
    const copies = dependencies.unproven.countOf(peer.peerId)
    const draining = drainingOf(peer, dependencies)
    return {
      ...(draining !== undefined && { draining }),
      ...(maintenance !== undefined && { maintenance: { leftMs: Math.ceil(maintenance.leftMs) } }),
      ...(copies > 0 && { unproven: { copies, isDistrusted } }),
      ...(flapping !== undefined && {
        flapping: { ...flapping, leftMs: Math.ceil(flapping.leftMs) },
      }),
    }
  }
}

function drainingOf(
  { peerId }: Peer,
  { plans, drains }: Parameters<typeof notesFrom>[0],
): PeerNotes['draining'] {
  const forMs = plans.drainingForMs(peerId)
  if (forMs === undefined) return undefined
  const progress = drains.progressOf(peerId)
  if (progress === undefined) return { forMs: Math.round(forMs) }
  const { leftMs, unplaceable, ...counts } = progress
  const left = leftMs === undefined ? {} : { leftMs: Math.ceil(leftMs) }
  return {
    forMs: Math.round(forMs),
    progress: { ...counts, ...left, ...(unplaceable && { unplaceable }) },
  }
}
