import type { PeerState } from '../common/protocol/messages.ts'
import type { Gone } from './store/store.ts'

export interface LivenessOptions {
  /** Interval of a peer's heartbeats. */
  readonly heartbeatMs: number
  /** After this long without a sign of life a peer is dead. */
  readonly deadAfterMs: number
}

/** What is known about a peer's presence. */
export interface Presence {
  readonly isConnected: boolean
  /** How the peer ended, unless it has been heard since. */
  readonly gone: Gone | undefined
  readonly silentMs: number
  /** Whether its address was dialled successfully. */
  readonly isReached: boolean
  /** How long its address has failed to answer; undefined if it answered, or was not dialled. */
  readonly unreachableMs: number | undefined
  /** Whether it is in maintenance. */
  readonly isInMaintenance: boolean
}

export interface Liveness {
  readonly state: PeerState
  /** Whether its copies no longer count, so that their contents are repaired. */
  readonly isLost: boolean
}

/**
 * Whether a peer is present and reachable. Without a connection, or after two missed heartbeats, it
 * is suspect, and dead only after `deadAfterMs`: a short outage copies nothing. A peer that sent
 * `leave` is dead immediately, but its contents are repaired only after the same time, since most
 * peers that stop are restarted. The same holds for a peer that cannot be reached; it counts as
 * live only after the first successful dial. In maintenance a peer that is silent, or has stopped, is
 * suspect, and its contents are not repaired.
 */
export function livenessOf(
  { isConnected, gone, silentMs, isReached, unreachableMs, isInMaintenance }: Presence,
  { heartbeatMs, deadAfterMs }: LivenessOptions,
): Liveness {
  const isSilent = silentMs >= deadAfterMs
  if (isInMaintenance && gone !== 'dead' && (isSilent || gone === 'left'))
    return { state: 'suspect', isLost: false }
  if (gone === 'left') return { state: 'dead', isLost: isSilent }
  if (gone === 'dead' || isSilent) return { state: 'dead', isLost: true }
  if (unreachableMs !== undefined)
    return { state: 'unreachable', isLost: !isInMaintenance && unreachableMs >= deadAfterMs }
  const isLive = isConnected && isReached && silentMs < 2 * heartbeatMs
  return { state: isLive ? 'live' : 'suspect', isLost: false }
}
