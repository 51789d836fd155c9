/** Which connection to evict for a new one when a server is at its limit. Pure. */

/** The facts about a connection that decide. */
export interface Occupant {
  /** Identifies its host. */
  readonly hostKey: string
  /** Whether its hello was accepted. */
  readonly isGreeted: boolean
  /** Whether a peer is registered on it. */
  readonly isRegistered: boolean
  /** Whether it has unanswered requests. */
  readonly isBusy: boolean
  /** Milliseconds without traffic. */
  readonly silentMs: number
}

/** Least valuable first: silent before hello, idle, busy, registered. */
function rankOf({ isGreeted, isRegistered, isBusy }: Occupant): number {
  if (!isGreeted) return 0
  if (isRegistered) return 3
  return isBusy ? 2 : 1
}

/**
 * The connection to close so that one from `hostKey` can be served; undefined if there is none. A
 * host with more connections than the newcomer's host would have gives up one. Otherwise only
 * connections that are not busy and were silent for `slotIdleMs` are closed, including those of the
 * newcomer's host.
 */
export function connectionToEvict<T extends Occupant>(
  occupants: Iterable<T>,
  hostKey: string,
  { slotIdleMs }: { slotIdleMs: number },
): T | undefined {
  const all = [...occupants]
  const counts = new Map<string, number>()
  for (const one of all) counts.set(one.hostKey, (counts.get(one.hostKey) ?? 0) + 1)
  const share = (counts.get(hostKey) ?? 0) + 1
  const countOf = (one: T): number => counts.get(one.hostKey) ?? 0
  let best: T | undefined
  for (const one of all) {
    const isIdle = rankOf(one) <= 1 && one.silentMs >= slotIdleMs
    const isBeyondShare = countOf(one) > share
    const isComparable = one.hostKey === hostKey || countOf(one) >= share
    if (!isBeyondShare && !(isIdle && isComparable)) continue
    if (best === undefined || leavesBefore(one, best, countOf)) best = one
  }
  return best
}

function leavesBefore<T extends Occupant>(a: T, b: T, countOf: (one: T) => number): boolean {
  const difference = rankOf(a) - rankOf(b) || countOf(b) - countOf(a) || b.silentMs - a.silentMs
  return difference < 0
}
