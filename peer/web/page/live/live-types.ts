/** What the peer tells the page as it happens. */
import type { CallReply } from '../../../api/calls.ts'

export type Status = CallReply<'status'>
export type Peer = CallReply<'peers'>['peers'][number]

export interface KnownPeer extends Peer {
  /** When the index last heard from it, by the clock of this page. */
  readonly heardMs: number
}
export type Transfer = CallReply<'transfers'>[number]
export type Download = CallReply<'downloads'>['downloads'][number]

/** Whether what the page shows is current. */
export type Connection =
  | { readonly state: 'connecting' }
  /** Changes arrive as they happen. */
  | { readonly state: 'live' }
  /** No stream, but the peer answers: it is asked every few seconds. */
  | { readonly state: 'polling' }
  /** The peer does not answer. */
  | { readonly state: 'stale'; readonly sinceMs: number }
