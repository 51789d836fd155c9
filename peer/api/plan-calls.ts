/** Calls about the plan for a peer: a part of the table in calls.ts. */
import Type from 'typebox'
import { limits } from '../../common/limits.ts'
import type { CallRow } from './call-row.ts'
import { EndedMaintenance, Safety, Undrained } from './cluster-shapes.ts'

const ofPeer = Type.Object({ peerId: Type.String() })

export const planCalls = {
  /** Repeating it changes nothing, and shows the progress. @throws PEER_UNKNOWN, INDEX_UNREACHABLE */
  drainPeer: {
    summary: 'Prepare a peer to leave: other peers make new copies of its files',
    method: 'POST',
    path: '/api/peers/:peerId/drain',
    params: ofPeer,
    reply: Safety,
  },
  /** @throws PEER_UNKNOWN, INDEX_UNREACHABLE */
  undrainPeer: {
    summary: 'Let the copies of a drained peer count again',
    method: 'DELETE',
    path: '/api/peers/:peerId/drain',
    params: ofPeer,
    reply: Undrained,
  },
  /** @throws PEER_UNKNOWN, PEER_DEAD, INDEX_UNREACHABLE */
  maintainPeer: {
    summary: 'Let a peer be silent for a while without counting as dead',
    method: 'POST',
    path: '/api/peers/:peerId/maintenance',
    params: ofPeer,
    body: Type.Object({
      forMs: Type.Integer({ minimum: 1, maximum: limits.maintenanceMsMax }),
    }),
    reply: Safety,
  },
  /** @throws PEER_UNKNOWN, INDEX_UNREACHABLE */
  endMaintenance: {
    summary: 'End the maintenance of a peer',
    method: 'DELETE',
    path: '/api/peers/:peerId/maintenance',
    params: ofPeer,
    reply: EndedMaintenance,
  },
  /** @throws PEER_UNKNOWN, PEER_NOT_DEAD, FORGET_LOSES, INDEX_UNREACHABLE */
  forgetPeer: {
    summary: 'Permanently remove a dead peer; its files stay if other peers have them',
    method: 'DELETE',
    path: '/api/peers/:peerId',
    params: ofPeer,
    query: Type.Object({
      force: Type.Boolean({
        default: false,
        description: 'Whether to forget the peer even if files that only it has are lost.',
      }),
    }),
  },
  /** @throws PEER_UNKNOWN, INDEX_UNREACHABLE */
  peerSafety: {
    summary: 'Count the files of a peer that other peers lack',
    method: 'GET',
    path: '/api/peers/:peerId/safety',
    params: ofPeer,
    reply: Safety,
  },
} as const satisfies Readonly<Record<string, CallRow>>
