import type { PeerState } from '../common/protocol/messages.ts'
import type { Gone } from './store/store.ts'

export interface LivenessOptions {
  /** How often a peer says that it is alive. */
  readonly heartbeatMs: number
  /** After so long without a sign of life a peer is dead. */
  readonly deadAfterMs: number
}

/** What is known of a peer's presence. */
export interface Presence {
  readonly isConnected: boolean
  /** How the peer ended, unless it was heard since. */
  readonly gone: Gone | undefined
  readonly silentMs: number
  /** Whether its address was dialled successfully. */
  readonly isReached: boolean
  /** For how long its address could not be dialled; undefined when it could, or was not tried. */
  readonly unreachableMs: number | undefined
}

export interface Liveness {
  readonly state: PeerState
  /** Whether its copies count no more, so that their contents are repaired. */
  readonly isLost: boolean
}

/**
 * Whether a peer is there and others can fetch from it. Without a connection, or after two missed heartbeats, it is suspect, and
 * dead only after `deadAfterMs`: a blip copies nothing. One that said `leave` is dead at once, yet
 * its contents are given the same time, since most that stop are started again. So are those of a
 * peer that cannot be reached, which counts as live only after the first successful dial.
 */
export function livenessOf(
  { isConnected, gone, silentMs, isReached, unreachableMs }: Presence,
  { heartbeatMs, deadAfterMs }: LivenessOptions,
): Liveness {
  const isSilent = silentMs >= deadAfterMs
  if (gone === 'left') return { state: 'dead', isLost: isSilent }
  if (gone === 'dead' || isSilent) return { state: 'dead', isLost: true }
  if (unreachableMs !== undefined)
    return { state: 'unreachable', isLost: unreachableMs >= deadAfterMs }
  const isLive = isConnected && isReached && silentMs < 2 * heartbeatMs
  return { state: isLive ? 'live' : 'suspect', isLost: false }
}
